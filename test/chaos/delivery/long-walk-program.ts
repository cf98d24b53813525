import { CUSTOM_KIND_CODE } from "@sluice/sdk";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { openPipeline } from "../../../packages/sluice/src/pipeline.ts";
import { Received } from "../../../packages/sluice/src/spool/received.ts";

/**
 * A process of its own that opens a pipeline without sinks, as after a kill, and says how long it took from
 * the start of the process until an event was acknowledged, and until the assembler was at the tail.
 */
export interface PinnedStart {
  readonly openMs: number;
  readonly acknowledgedMs: number;
  readonly foldedMs: number;
  readonly rssBytesMax: number;
}

const [, , dataDir = ""] = process.argv;
const beforeOpenMs = performance.now();
const pipeline = await openPipeline({
  ...{ dataDir, clock: systemClock, disk: systemDisk, random: systemRandom, sinks: [] },
  spool: { maxBytes: 16 * 1024 ** 3, minFreeBytes: 0, keepForMs: 3_600_000_000 },
  observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
  tryRecord: async () => "survived",
});
const openMs = performance.now() - beforeOpenMs;
const id = `first-${process.pid}`;
const body = Buffer.from(JSON.stringify({ id, kind: "note.made", time: "2026-01-01T00:00:00.000Z" }));
const [outcome] = await pipeline.intake.append([
  { id, kindCode: CUSTOM_KIND_CODE, flags: 0, received: new Received(body), body },
]);
if (outcome?.status !== "appended") throw new Error(`not appended: ${JSON.stringify(outcome)}`);
const acknowledgedMs = performance.now();
while (pipeline.status().assembler.lag > 0) await new Promise((resolve) => setTimeout(resolve, 20));
const start: PinnedStart = {
  openMs,
  acknowledgedMs,
  foldedMs: performance.now(),
  rssBytesMax: process.resourceUsage().maxRSS * 1024,
};
await pipeline.close();
process.stdout.write(JSON.stringify(start));
