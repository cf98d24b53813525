import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import type { Event } from "@sluice/sdk";
import { systemClock, systemRandom } from "@sluice/sdk/internal";
import { Pool } from "undici";
import type { DeadLetters } from "../../packages/sluice/src/dispatch/dead-letters.ts";
import { MemorySpool } from "../../packages/sluice/src/dispatch/memory-spool.test-support.ts";
import { openRoute } from "../../packages/sluice/src/dispatch/open-route.ts";
import type { Sink } from "../../packages/sluice/src/sinks/define.ts";
import { Received } from "../../packages/sluice/src/spool/received.ts";
import type { NewRecord, Spool } from "../../packages/sluice/src/spool/spool.ts";

/**
 * From an application's event to a backend's 200. Ours: encoded once, appended durably, routed, posted as raw
 * lines. The limit: the same events encoded and posted by undici in the same batches of 32 over the same 4
 * connections, with nothing in between and nothing kept. What counts is the CPU time of this process, kernel
 * and thread pool included; the backend counts in a process of its own. Rounds are paired and their order is
 * drawn.
 */
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
      const ours = () => measureRoute(openSpool, pool);
      const bare = () => measureBare(pool);
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

async function measureRoute(openSpool: () => Promise<OpenedSpool>, pool: Pool): Promise<number> {
  const { spool, release } = await openSpool();
  const all = Promise.withResolvers<void>();
  const route = await openRoute({
    name: "bench",
    definition: {
      type: "bench",
      limits: { events: BATCH, bytes: 1024 * 1024 },
      order: "none",
      inFlight: CONNECTIONS,
    },
    sink: postingSink(pool, all.resolve),
    spool,
    place: "00".repeat(16),
    firstOffset: 0,
    openDeadLetters: async () => noDeadLetters,
    observer: { onAttempt() {}, onState() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    random: systemRandom,
  });
  const cpuMicros = await measure(async () => {
    const batches = batchStarts();
    await Promise.all(
      Array.from({ length: APPENDS }, () => each(batches, (start) => spool.append(newRecords(start)))),
    );
    await all.promise;
  });
  await route.close();
  await release();
  return cpuMicros / EVENTS;
}

async function measureBare(pool: Pool): Promise<number> {
  const cpuMicros = await measure(async () => {
    const batches = batchStarts();
    const send = (start: number) => post(pool, newBodies(start));
    await Promise.all(Array.from({ length: CONNECTIONS }, () => each(batches, send)));
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

function postingSink(pool: Pool, onAll: () => void): Sink {
  let delivered = 0;
  return {
    async send(batch) {
      const status = await post(
        pool,
        batch.map(({ raw }) => raw),
      );
      if (status !== 200) return { status: "retry", reason: `status ${status}` };
      delivered += batch.length;
      if (delivered === EVENTS) onAll();
      return { status: "delivered" };
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

function batchStarts(): number[] {
  return Array.from({ length: EVENTS / BATCH }, (_, index) => index * BATCH);
}

const PROMPT = "Summarise the following support conversation in two sentences and name the product. ".repeat(
  12,
);
const ANSWER = "The customer reports that the device does not charge, and asks for a replacement. ".repeat(7);

/** An ordinary chat call as a complete `run.ended`, 2.1 KB of JSON. */
function newEvent(index: number): Event {
  const id = `0192f0c1-0000-7000-8000-${index.toString(16).padStart(12, "0")}`;
  return {
    id,
    kind: "run.ended",
    time: "2026-01-01T00:00:01.234Z",
    runId: id,
    scope: { kind: "user", id: `user-${index % 100}` },
    metadata: { route: "/support", attempt: 1 },
    run: {
      type: "llm",
      name: "gpt-4o-mini",
      provider: "openai",
      operation: "chat",
      startTime: "2026-01-01T00:00:00.000Z",
      status: "ok",
      request: {
        model: "gpt-4o-mini",
        input: [{ role: "user", content: PROMPT }],
        params: { temperature: 0.2 },
      },
      response: {
        model: "gpt-4o-mini",
        output: { role: "assistant", content: ANSWER },
        finishReasons: ["stop"],
      },
      usage: { input: 220, output: 96, source: "provider" },
    },
  };
}

function newBodies(start: number): Buffer[] {
  return Array.from({ length: BATCH }, (_, index) => Buffer.from(JSON.stringify(newEvent(start + index))));
}

function newRecords(start: number): NewRecord[] {
  return Array.from({ length: BATCH }, (_, index) => {
    const event = newEvent(start + index);
    const body = Buffer.from(JSON.stringify(event));
    const runKeys = event.runId === undefined ? {} : { runId: event.runId, orderKey: event.runId };
    return { id: event.id, kindCode: 2, flags: 0, ...runKeys, received: new Received(body), body };
  });
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
