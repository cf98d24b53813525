import { kindCode } from "@sluice/sdk";
import { type Clock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { openPipeline, type Pipeline, type PipelineSink } from "../../../packages/sluice/src/pipeline.ts";
import { sinkOfType } from "../../../packages/sluice/src/sinks/registry.ts";
import { Received } from "../../../packages/sluice/src/spool/received.ts";
import type { NewRecord } from "../../../packages/sluice/src/spool/spool.ts";

/** The events that the pipeline's workload appends: known from their numbers. */
export const EVENTS = 120;
export const EVENTS_AT_ONCE = 6;
/** The assembler tells the log of what it does; these are the files that the sinks write. */
export const EVENT_FILES = ["all.jsonl", "odd.jsonl"] as const;

/** Two sinks that write files, one of which does not get every event; four segments for all events. */
export function openFilesPipeline(dataDir: string, clock: Clock): Promise<Pipeline> {
  return openPipeline({
    dataDir,
    spool: { maxBytes: 1024 * 1024, minFreeBytes: 0, keepForMs: 0 },
    sinks: [sink("all", EVENT_FILES[0]), { ...sink("odd", EVENT_FILES[1]), filter: ({ id }) => isOdd(id) }],
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock,
    disk: systemDisk,
    random: systemRandom,
  });
}

function sink(name: string, path: string): PipelineSink {
  const params = sinkOfType("file")?.options.parse({ path }) ?? {};
  return { name, type: "file", enabled: true, params };
}

export function isOdd(id: string): boolean {
  return Number(id.slice(id.indexOf("-") + 1)) % 2 === 1;
}

export function eventRecord(number: number): NewRecord {
  const id = `event-${number}`;
  const text = `${number} `.repeat(500 + (number % 7) * 100);
  const event = { id, kind: "custom", time: "2026-01-01T00:00:00.000Z", data: { text } };
  const received = new Received(Buffer.from(JSON.stringify(event)));
  return { id, kindCode: kindCode("custom"), flags: 0, received, body: received.bytes };
}

export function pendingOf(pipeline: Pipeline): number {
  return pipeline.status().sinks.reduce((sum, { balance }) => sum + balance.pending, 0);
}
