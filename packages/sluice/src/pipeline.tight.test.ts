import { type Event, KIND_CODES } from "@sluice/sdk";
import { encodeEvent, MemoryDisk, seededRandom, systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test, vi } from "vitest";
import { openPipeline, type Pipeline } from "./pipeline.ts";
import type { SinkDefinition } from "./sinks/define.ts";
import { sinkOfType } from "./sinks/registry.ts";
import { Received } from "./spool/received.ts";
import { FLAG_PARTIAL, type NewRecord } from "./spool/spool.ts";

const RUNS = 5_000;
const TIME = "2026-01-01T00:00:00.000Z";

let pipeline: Pipeline;
afterEach(() => pipeline.close());

const taking: SinkDefinition = {
  ...(sinkOfType("file") as SinkDefinition),
  open: async () => ({
    send: async () => ({ status: "delivered" }),
    check: async () => undefined,
    close: async () => {},
  }),
};

test.each([
  ["as large as their starts", 200, 200],
  ["much larger than their starts", 100, 3_000],
])(
  "a burst of runs in pieces that fills the spool, with ends %s, is worked off by itself (P6)",
  async (_name, startBytes, endBytes) => {
    await open();
    const starts = range(RUNS).map((run) =>
      spooled("run.started", `r${run}`, startBytes, { startTime: TIME }),
    );
    const ends = range(RUNS).map((run) => spooled("run.ended", `r${run}`, endBytes, {}));

    const outcomes = [...(await append(starts)), ...(await append(ends))];
    expect(outcomes).toContain("full");
    await vi.waitFor(
      async () => {
        const notes = range(300).map(() => spooled("note.made", undefined, 1_000, {}));
        expect(new Set(await append(notes))).toEqual(new Set(["appended"]));
      },
      { timeout: 30_000, interval: 200 },
    );

    const { spool, sinks } = pipeline.status();
    expect(spool.bytes).toBeLessThanOrEqual(spool.maxBytes);
    expect(sinks[0]?.balance).toMatchObject({ deadLettered: 0, dropped: {} });
  },
  60_000,
);

async function open(): Promise<void> {
  pipeline = await openPipeline({
    dataDir: "/data",
    spool: { maxBytes: 3 * 1024 * 1024, minFreeBytes: 0, keepForMs: 0 },
    sinks: [{ name: "a", type: "file", enabled: true, params: {} }],
    sinkOfType: () => taking,
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    disk: new MemoryDisk(),
    random: seededRandom(1),
    owner: { release: async () => {} },
  });
}

async function append(records: readonly NewRecord[]): Promise<readonly string[]> {
  const statuses: string[] = [];
  for (let at = 0; at < records.length; at += 100) {
    const outcomes = await pipeline.intake.append(records.slice(at, at + 100));
    statuses.push(...outcomes.map(({ status }) => status));
  }
  return statuses;
}

let made = 0;

function spooled(kind: string, runId: string | undefined, bytes: number, run: object): NewRecord {
  const id = `${kind}-${made++}`;
  const named = runId === undefined ? {} : { runId };
  const about = runId === undefined ? {} : { run: { type: "llm", ...run } };
  const event = { id, kind, time: TIME, ...named, ...about, metadata: { text: "x".repeat(bytes) } };
  const received = new Received(Buffer.from(encodeEvent(event as Event)));
  const flags = kind === "run.ended" ? FLAG_PARTIAL : 0;
  const kindCode = Object.entries(KIND_CODES).find(([name]) => name === kind)?.[1] ?? 0;
  return { id, kindCode, flags, ...named, received, body: received.bytes };
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
