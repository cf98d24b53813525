import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { openFileSpool } from "../../packages/sluice/src/spool/file/spool.ts";
import { Received } from "../../packages/sluice/src/spool/received.ts";
import type { NewRecord } from "../../packages/sluice/src/spool/spool.ts";

/**
 * Durable appends of events of 2.1 KB, one call at a time. The limit writes the same bytes from one reused
 * buffer into a file that was filled with zeros, and syncs each time: what the machine can do if nobody had
 * to find anything again. Both go through the event loop as a server must: the sync runs in the thread pool.
 * Rounds are paired, their order is drawn, and each pair starts on fresh files.
 */
const EVENT_BYTES = 2_129;
/** The limit writes what the spool writes: headers are bytes on the disk too. */
const RECORD_BYTES = EVENT_BYTES + 64;
const ROUNDS = 21;
const CASES = [
  { batch: 256, calls: 24 },
  { batch: 1, calls: 600 },
] as const;
/** A spool lives for weeks: its buffers have been touched and its index has grown before it is measured. */
const WARM_UP_EVENTS = 1_024;
/** Short enough that a pair sees the same machine, long enough that switching sides does not show. */
const SLICES = 6;
const FILE_BYTES = 16 * 1024 * 1024;

export interface BenchResult {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly ratio: number;
  readonly runs: number;
}

export async function* cases(): AsyncIterable<BenchResult> {
  for (const { batch, calls } of CASES) {
    const rounds: { readonly ours: number; readonly raw: number }[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const result = await measurePair(batch, calls);
      if (round >= 0) rounds.push(result); // The first one warms up.
    }
    yield {
      case: `durable, batch ${batch}`,
      value: Math.round(median(rounds.map(({ ours }) => ours))),
      unit: "events/s",
      limit: Math.round(median(rounds.map(({ raw }) => raw))),
      ratio: Number(median(rounds.map(({ ours, raw }) => ours / raw)).toFixed(3)),
      runs: rounds.length,
    };
  }
}

/** Slices of both sides in turn, so that what else the machine does meets both. */
async function measurePair(batch: number, calls: number): Promise<{ ours: number; raw: number }> {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const spool = await openFileSpool({
    dataDir,
    disk: systemDisk,
    clock: systemClock,
    random: systemRandom,
    maxBytes: 1024 * 1024 * 1024,
    minFreeBytes: 0,
  });
  const raw = openRaw(join(dataDir, "raw"), batch);
  try {
    await spool.append(Array.from({ length: WARM_UP_EVENTS }, newRecord));
    const events = (batch * calls) / SLICES;
    const elapsedMs = { ours: 0, raw: 0 };
    for (let slice = 0; slice < SLICES; slice++) {
      const batches = Array.from({ length: calls / SLICES }, () => Array.from({ length: batch }, newRecord));
      await spool.resting(); // It would write its zeros ahead while the other side is measured.
      const sides = Math.random() < 0.5 ? (["ours", "raw"] as const) : (["raw", "ours"] as const);
      for (const side of sides) {
        const start = performance.now();
        for (const records of batches) await (side === "ours" ? spool.append(records) : raw.append());
        elapsedMs[side] += performance.now() - start;
      }
    }
    const rate = (ms: number) => (events * SLICES * 1000) / ms;
    return { ours: rate(elapsedMs.ours), raw: rate(elapsedMs.raw) };
  } finally {
    raw.close();
    await spool.close();
    await rm(dataDir, { recursive: true });
  }
}

function openRaw(path: string, batch: number) {
  const descriptor = fs.openSync(path, "w");
  fs.writeSync(descriptor, Buffer.alloc(FILE_BYTES));
  fs.fdatasyncSync(descriptor);
  const bytes = Buffer.alloc(batch * RECORD_BYTES, 0x61);
  let position = 0;
  return {
    append(): Promise<void> {
      fs.writeSync(descriptor, bytes, 0, bytes.length, position);
      position += bytes.length;
      return new Promise((resolve, reject) => {
        fs.fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
      });
    },
    close: () => fs.closeSync(descriptor),
  };
}

/**
 * As many bodies as fit a processor's cache together: fresh from its source a body is warm, and the limit's
 * buffer is too.
 */
const BODIES = Array.from({ length: 64 }, () => {
  const start = `{"id":"${randomUUID()}","kind":"run.ended","runId":"${randomUUID()}","data":"`;
  return new Received(Buffer.from(`${start}${"x".repeat(EVENT_BYTES - start.length - 2)}"}`));
});

function newRecord(_?: unknown, index = 0): NewRecord {
  const runId = anId();
  const received = BODIES[index % BODIES.length] ?? new Received(Buffer.alloc(EVENT_BYTES));
  return {
    id: anId(),
    kindCode: 2,
    flags: 0,
    runId,
    orderKey: runId,
    received,
    body: received.bytes,
  };
}

/**
 * Ids come out of JSON.parse, flat. `randomUUID` returns a rope, and whoever reads it first pays for
 * flattening it.
 */
function anId(): string {
  return JSON.parse(`"${randomUUID()}"`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
