import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { type FileSpool, openFileSpool } from "../../packages/sluice/src/spool/file/spool.ts";
import type { NewRecord } from "../../packages/sluice/src/spool/spool.ts";

/**
 * Durable appends of events of 2.1 KB, one call at a time. The limit writes the same bytes from one reused buffer into a file
 * that was filled with zeros, and syncs each time: what the machine can do if nobody had to find anything again. Both go
 * through the event loop as a server must: the sync runs in the thread pool. Rounds are paired, their order is drawn, and each
 * pair starts on fresh files.
 */
const EVENT_BYTES = 2_129;
const ROUNDS = 21;
const CASES = [
  { batch: 256, calls: 24 },
  { batch: 1, calls: 600 },
] as const;
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
  try {
    await spool.append([newRecord(undefined)]);
    await spool.resting();
    const batches = Array.from({ length: calls }, () => Array.from({ length: batch }, newRecord));
    const raw = () => measureRaw(join(dataDir, "raw"), batch, calls);
    const ours = () => measureSpool(spool, batches);
    if (Math.random() < 0.5) return { ours: await ours(), raw: await raw() };
    return { raw: await raw(), ours: await ours() };
  } finally {
    await spool.close();
    await rm(dataDir, { recursive: true });
  }
}

async function measureSpool(spool: FileSpool, batches: readonly (readonly NewRecord[])[]): Promise<number> {
  const start = performance.now();
  for (const batch of batches) await spool.append(batch);
  const elapsedMs = performance.now() - start;
  const events = batches.reduce((sum, batch) => sum + batch.length, 0);
  return (events * 1000) / elapsedMs;
}

async function measureRaw(path: string, batch: number, calls: number): Promise<number> {
  const descriptor = fs.openSync(path, "w");
  try {
    fs.writeSync(descriptor, Buffer.alloc(FILE_BYTES));
    fs.fdatasyncSync(descriptor);
    const bytes = Buffer.alloc(batch * EVENT_BYTES, 0x61);
    const start = performance.now();
    for (let call = 0; call < calls; call++) {
      fs.writeSync(descriptor, bytes, 0, bytes.length, call * bytes.length);
      await new Promise<void>((resolve, reject) => {
        fs.fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
      });
    }
    return (batch * calls * 1000) / (performance.now() - start);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** As many bodies as fit a processor's cache together: fresh from its source a body is warm, and the limit's buffer is too. */
const BODIES = Array.from({ length: 64 }, () => {
  const start = `{"id":"${randomUUID()}","kind":"run.ended","runId":"${randomUUID()}","data":"`;
  return Buffer.from(`${start}${"x".repeat(EVENT_BYTES - start.length - 2)}"}`);
});

function newRecord(_: unknown, index = 0): NewRecord {
  const runId = randomUUID();
  const body = BODIES[index % BODIES.length] ?? Buffer.alloc(EVENT_BYTES);
  return {
    id: randomUUID(),
    kindCode: 2,
    flags: 0,
    runId,
    orderKey: runId,
    receivedCrc: crc32(body),
    isVerbatim: true,
    body,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
