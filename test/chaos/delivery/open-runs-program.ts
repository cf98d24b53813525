import { KIND_CODES } from "@sluice/sdk";
import { systemClock } from "@sluice/sdk/internal";
import { openAssembler } from "../../../packages/sluice/src/dispatch/assembler/assembler.ts";
import { lettersOn } from "../../../packages/sluice/src/dispatch/assembler/letters.test-support.ts";
import { textKey } from "../../../packages/sluice/src/spool/keys.ts";
import type { Lease, Spool, SpoolRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { StoredRecord } from "../../../packages/sluice/src/spool/stored-record.ts";

/**
 * A process of its own with an assembler that reads the starts of as many runs as it is told, none of which
 * ends, from a spool that makes them up as they are read and keeps none: what is left is the assembler's.
 */
export interface OpenRunsMemory {
  readonly runs: number;
  /** Heap and what lies beside it, after the garbage is gone. */
  readonly heldBytes: number;
  readonly rssBytes: number;
}

/** `root`: each run is the root of its trace. `child`: each is the only one of a trace of another name. */
export type Shape = "root" | "child";

/** Runs that start and end first: the program is compiled by then, and has as much heap as it works in. */
const WARM_UP = 50_000;

const [, , shape = "child", count = "0"] = process.argv;
const runs = Number(count);
let shown = 0;
let wake = () => {};

const spool: Spool = {
  get state() {
    const sizes = { bytes: 0, maxBytes: 1e12, damaged: 0, unsynced: 0 };
    return { partitions: 1, firstOffset: 0, nextOffset: shown, ...sizes };
  },
  layout: { bytesFrom: () => 0, offsetToFree: () => 0, offsetOf: () => undefined },
  append: async (records) => records.map(() => ({ status: "failed", reason: "nothing is to be appended" })),
  async read(_partition, from, limit, signal) {
    while (from >= shown && !signal.aborted) await woken();
    const records = Math.min(limit.records, shown - from);
    return signal.aborted ? [] : Array.from({ length: records }, (_, index) => recordAt(from + index));
  },
  lease: async (route, partition): Promise<Lease> => ({
    ...{ route, partition, epoch: 1, ledger: undefined, lost: new AbortController().signal },
  }),
  commit: async () => true,
  trim: async () => {},
  close: async () => {},
};
const assembler = await openAssembler({
  ...{ spool, clock: systemClock, bootId: "directory.boot", place: "00".repeat(16), firstOffset: 0 },
  openDeadLetters: lettersOn(),
  observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
});

const before = await memoryAt(2 * WARM_UP);
const after = await memoryAt(2 * WARM_UP + runs);
const memory: OpenRunsMemory = {
  runs: assembler.openRuns,
  heldBytes: after.heldBytes - before.heldBytes,
  rssBytes: after.rssBytes - before.rssBytes,
};
process.stdout.write(JSON.stringify(memory), () => process.exit(0));

function woken(): Promise<void> {
  return new Promise((resolve) => {
    wake = resolve;
  });
}

async function memoryAt(records: number): Promise<{ heldBytes: number; rssBytes: number }> {
  shown = records;
  wake();
  while (assembler.status.lag > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  // What a collection frees in old buffers is given back by the next one.
  for (let round = 0; round < 3; round++) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heldBytes: heapUsed + external, rssBytes: rss };
}

function recordAt(number: number): SpoolRecord {
  const isEnd = number < 2 * WARM_UP && number % 2 === 1;
  const run = isEnd ? number - 1 : number;
  const kind = isEnd ? "run.ended" : "run.started";
  const runId = `run-${run}`;
  const time = "2026-01-01T00:00:00.000Z";
  const traceId = shape === "root" ? runId : `trace-${run}`;
  const event = { id: `event-${number}`, kind, time, runId, traceId, run: { type: "llm" } };
  const body = Buffer.from(JSON.stringify(event));
  return new StoredRecord(number, KIND_CODES[kind], 0, textKey(runId), textKey(traceId), body);
}
