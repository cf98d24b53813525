import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock, systemRandom } from "@sluice/sdk/internal";
import { Pool } from "undici";
import type { DeadLetters } from "../../packages/sluice/src/dispatch/dead-letters.ts";
import { MemorySpool } from "../../packages/sluice/src/dispatch/memory-spool.test-support.ts";
import { openRoute } from "../../packages/sluice/src/dispatch/open-route.ts";
import type { Sink } from "../../packages/sluice/src/sinks/define.ts";
import type { NewRecord, Spool } from "../../packages/sluice/src/spool/spool.ts";

/**
 * From a durable append to a backend's 200: spool, route and a sink that posts raw lines, against undici posting the same batches
 * of 32 over the same 4 connections with nothing in between. What counts is the CPU time of this process, kernel and thread pool
 * included; the backend counts in a process of its own. Rounds are paired and their order is drawn.
 */
const EVENT_BYTES = 2_129;
const EVENTS = 8_192;
const BATCH = 32;
const CONNECTIONS = 4;
/** Appends that wait for a sync at the same time, as the requests of so many clients do. */
const APPENDS = 16;
const ROUNDS = 9;

export interface BenchResult {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly ratio: number;
  readonly runs: number;
}

interface OpenedSpool {
  readonly spool: Spool;
  release(): Promise<void>;
}

export async function* cases(openSpool: () => Promise<OpenedSpool> = openMemory): AsyncIterable<BenchResult> {
  const backend = await startBackend();
  const pool = new Pool(backend.url, { connections: CONNECTIONS, pipelining: 1 });
  try {
    const rounds: { readonly ours: number; readonly bare: number }[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const records = Array.from({ length: EVENTS }, (_, index) => newRecord(round * EVENTS + index));
      const ours = () => measureRoute(openSpool, pool, records);
      const bare = () => measureBare(pool, records);
      const result =
        systemRandom.fraction() < 0.5
          ? { ours: await ours(), bare: await bare() }
          : { bare: await bare(), ours: await ours() };
      if (round >= 0) rounds.push(result); // The first one warms up.
    }
    yield {
      case: `append, route and post, batch ${BATCH}`,
      value: Number(median(rounds.map(({ ours }) => ours)).toFixed(2)),
      unit: "µs CPU/event",
      limit: Number(median(rounds.map(({ bare }) => bare)).toFixed(2)),
      ratio: Number(median(rounds.map(({ ours, bare }) => ours / bare)).toFixed(3)),
      runs: rounds.length,
    };
  } finally {
    await pool.close();
    backend.child.kill();
  }
}

async function measureRoute(
  openSpool: () => Promise<OpenedSpool>,
  pool: Pool,
  records: readonly NewRecord[],
): Promise<number> {
  const { spool, release } = await openSpool();
  const route = await openRoute({
    name: "bench",
    definition: {
      type: "bench",
      limits: { events: BATCH, bytes: 1024 * 1024 },
      order: "none",
      inFlight: CONNECTIONS,
    },
    sink: postingSink(pool),
    spool,
    place: "00".repeat(16),
    firstOffset: 0,
    openDeadLetters: async () => noDeadLetters,
    observer: { onAttempt() {}, onState() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    random: systemRandom,
  });
  const cpuMicros = await measure(async () => {
    const batches = Array.from({ length: EVENTS / BATCH }, (_, index) =>
      records.slice(index * BATCH, (index + 1) * BATCH),
    );
    await Promise.all(Array.from({ length: APPENDS }, () => each(batches, (batch) => spool.append(batch))));
    while (route.status.lag > 0) await delay(1);
  });
  await route.close();
  await release();
  return cpuMicros / EVENTS;
}

async function measureBare(pool: Pool, records: readonly NewRecord[]): Promise<number> {
  const cpuMicros = await measure(async () => {
    const batches = Array.from({ length: EVENTS / BATCH }, (_, index) =>
      records.slice(index * BATCH, (index + 1) * BATCH),
    );
    await Promise.all(
      Array.from({ length: CONNECTIONS }, () =>
        each(batches, (batch) =>
          post(
            pool,
            batch.map(({ body }) => body),
          ),
        ),
      ),
    );
  });
  return cpuMicros / EVENTS;
}

async function measure(work: () => Promise<void>): Promise<number> {
  globalThis.gc?.();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** One of several workers on the same list. */
async function each<Element>(list: Element[], work: (element: Element) => Promise<unknown>): Promise<void> {
  for (let next = list.shift(); next !== undefined; next = list.shift()) await work(next);
}

function postingSink(pool: Pool): Sink {
  return {
    async send(batch) {
      const status = await post(
        pool,
        batch.map(({ raw }) => raw),
      );
      return status === 200 ? { status: "delivered" } : { status: "retry", reason: `status ${status}` };
    },
    check: async () => undefined,
    close: async () => undefined,
  };
}

const LINE_FEED = Buffer.from("\n");

async function post(pool: Pool, lines: readonly Uint8Array[]): Promise<number> {
  const { statusCode, body } = await pool.request({
    method: "POST",
    path: "/",
    headers: { "content-type": "application/x-ndjson" },
    body: Buffer.concat(lines.flatMap((line) => [line, LINE_FEED])),
  });
  await body.dump();
  return statusCode;
}

const noDeadLetters: DeadLetters = {
  append: async () => "failed",
  countFor: () => undefined,
  follows: () => false,
  count: 0,
  close: async () => undefined,
};

async function openMemory(): Promise<OpenedSpool> {
  const spool = new MemorySpool();
  return { spool, release: () => spool.close() };
}

function newRecord(index: number): NewRecord {
  const id = `0192f0c1-0000-7000-8000-${(index + EVENTS).toString(16).padStart(12, "0")}`;
  const head = `{"id":"${id}","kind":"note.made","time":"2026-01-01T00:00:00.000Z","data":"`;
  return {
    id,
    kindCode: 0,
    flags: 0,
    runId: id,
    orderKey: id,
    receivedCrc: index,
    body: Buffer.from(`${head}${"x".repeat(EVENT_BYTES - head.length - 2)}"}`),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function startBackend(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = fork(fileURLToPath(import.meta.url), ["serve"]);
  const [port] = await once(child, "message");
  return { url: `http://127.0.0.1:${port}`, child };
}

function serve(): void {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") process.send?.(address.port);
  });
}

if (process.argv[2] === "serve") serve();
else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for await (const result of cases())
    process.stdout.write(`${JSON.stringify({ bench: "dispatch", ...result })}\n`);
}
