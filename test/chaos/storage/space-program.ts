import { KIND_CODES } from "@sluice/sdk";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import {
  openPipeline,
  type PipelineSink,
  type PipelineStatus,
} from "../../../packages/sluice/src/pipeline.ts";
import { sinkOfType } from "../../../packages/sluice/src/sinks/registry.ts";
import type { AppendOutcome } from "../../../packages/sluice/src/spool/spool.ts";
import { aRecord } from "../../../packages/sluice/src/testing/spool-fixture.ts";

/** What the program is started with, as JSON in its first argument. */
export interface ProgramSettings {
  readonly dataDir: string;
  readonly maxBytes: number;
  readonly backlog?: PipelineSink["backlog"];
}

export type Order =
  | { readonly do: "append"; readonly number: number; readonly bodyBytes: number }
  | { readonly do: "status" }
  | { readonly do: "close" };

export interface Answer {
  readonly outcome?: AppendOutcome;
  readonly status?: PipelineStatus;
  readonly warnings: readonly string[];
}

/** A pipeline in a process of its own, whose one sink has a backend that nobody answers for. */
async function main({ dataDir, maxBytes, backlog }: ProgramSettings): Promise<void> {
  const warnings: string[] = [];
  const params = sinkOfType("lunary")?.options.parse({ api_key: "k", endpoint: "http://127.0.0.1:9" }) ?? {};
  const pipeline = await openPipeline({
    dataDir,
    spool: { maxBytes, minFreeBytes: 0, keepForMs: 0 },
    sinks: [{ name: "down", type: "lunary", enabled: true, params, ...(backlog && { backlog }) }],
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn: (message) => warnings.push(message) },
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
  });
  const answer = (given: Omit<Answer, "warnings">) => process.send?.({ ...given, warnings } satisfies Answer);
  process.on("message", async (order: Order) => {
    switch (order.do) {
      case "append": {
        const [outcome] = await pipeline.intake.append([ended(order.number, order.bodyBytes)]);
        answer(outcome ? { outcome } : {});
        return;
      }
      case "status":
        answer({ status: pipeline.status() });
        return;
      case "close":
        // What a broken disk leaves open is the parent's to judge, by what lies on it.
        await pipeline.close().catch((error: unknown) => warnings.push(String(error)));
        answer({});
        process.disconnect();
    }
  });
  answer({});
}

/** An event that its sink takes. */
function ended(number: number, bodyBytes: number) {
  const time = "2026-01-01T00:00:00.000Z";
  const run = { type: "llm", startTime: time, status: "ok", response: { output: "" } };
  const event = { id: `event-${number}`, kind: "run.ended", time, runId: `run-${number}`, run };
  run.response.output = "x".repeat(Math.max(0, bodyBytes - JSON.stringify(event).length));
  const body = Buffer.from(JSON.stringify(event));
  return aRecord(number, { kindCode: KIND_CODES["run.ended"], runId: event.runId, body });
}

// Imported for its types, it does nothing.
if (process.send && process.argv[2]?.startsWith("{")) await main(JSON.parse(process.argv[2]));
