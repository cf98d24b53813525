import { join } from "node:path";
import { type Event, KIND_CODES } from "@sluice/sdk";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { Pool } from "undici";
import { openRoute } from "../../packages/sluice/src/dispatch/sink-route.ts";
import type { Outgoing, Sink } from "../../packages/sluice/src/sinks/define.ts";
import { createHttpSend } from "../../packages/sluice/src/sinks/http-send.ts";
import { openFileSpool } from "../../packages/sluice/src/spool/file/spool.ts";
import { Received } from "../../packages/sluice/src/spool/received.ts";
import type { NewRecord } from "../../packages/sluice/src/spool/spool.ts";
import { projectFolder } from "../projects.ts";
import { serve } from "./dispatch-backend.ts";
import { newEvent } from "./dispatch-events.ts";
import { BENCH_SINKS, type BenchSink, openBenchSink } from "./dispatch-sinks.ts";

/**
 * The programs of the dispatch benchmark, each a process of its own: `backend`, which counts what arrives;
 * `undici` and `sluice`, which emit and deliver; `client`, a client of others. What is told of those is the
 * CPU time of the whole process, kernel and thread pool included, from the first emit to the last delivery
 * that was acknowledged: building the events and warming up the compiler counts, on all sides; loading
 * modules and opening files does not.
 */
export interface Job {
  readonly url: string;
  readonly dataDir: string;
  /** Emitted and delivered before what is measured. */
  readonly warmUp: number;
  readonly events: number;
  /** How many events may be on their way: the application waits then, on both sides alike. */
  readonly aheadMax: number;
  /** Of `BENCH_SINKS`: what is delivered is what it makes of the events. Default: the events as they are. */
  readonly sink?: string;
  /** Of test/projects: whose `bench.js` is the client. */
  readonly project?: string;
}

const BATCH = 32;
const CONNECTIONS = 4;
/** In one turn of the event loop. */
const EVENTS_PER_TURN = 100;
/** Until everything that opening has started is over. */
const SETTLE_MS = 50;

interface Program {
  emit(event: ReturnType<typeof newEvent>): void;
  /** Resolves when all is delivered; for those who tell it in no other way. */
  flush?(): Promise<void>;
  close(): Promise<void>;
}

async function run(open: (job: Job, progress: Progress) => Promise<Program>, job: Job): Promise<number> {
  const progress = new Progress();
  const program = await open(job, progress);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  await emitAll(program, progress, job, [0, job.warmUp]);
  const before = process.cpuUsage();
  await emitAll(program, progress, job, [job.warmUp, job.warmUp + job.events]);
  const { user, system } = process.cpuUsage(before);
  await program.close();
  return (user + system) / job.events;
}

async function emitAll(
  program: Program,
  progress: Progress,
  job: Job,
  [from, to]: readonly [from: number, to: number],
): Promise<void> {
  let flushed = from;
  for (let next = from; next < to; ) {
    const count = Math.min(EVENTS_PER_TURN, to - next);
    const events = Array.from({ length: count }, (_, index) => newEvent(next + index));
    for (const event of events) program.emit(event);
    next += count;
    await new Promise((resolve) => setImmediate(resolve));
    if (program.flush && next - flushed >= job.aheadMax) {
      await program.flush();
      flushed = next;
    }
    if (!program.flush) await progress.reaches(next - job.aheadMax);
  }
  if (program.flush) return program.flush();
  await progress.reaches(to);
}

/** How many events the backend has acknowledged. */
class Progress {
  #delivered = 0;
  #awaited = 0;
  #resolve = () => {};

  add(events: number): void {
    this.#delivered += events;
    if (this.#delivered >= this.#awaited) this.#resolve();
  }

  async reaches(delivered: number): Promise<void> {
    if (this.#delivered >= delivered) return;
    this.#awaited = delivered;
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
    });
  }
}

/** The limit: undici and a list. Nothing is kept, nothing stands between the application and the wire. */
async function openUndici({ url, sink: name }: Job, progress: Progress): Promise<Program> {
  const pool = new Pool(new URL(url).origin, { connections: CONNECTIONS, pipelining: 1 });
  const asItIs = { ...AS_IT_IS, path: new URL(url).pathname };
  const { item, body: bodyOfItems, path, headers: own, batch: size = BATCH } = benchSink(name) ?? asItIs;
  const headers = { "content-type": "application/json", ...own };
  const queue: unknown[] = [];
  let inFlight = 0;
  const post = async (batch: readonly unknown[]) => {
    const body = bodyOfItems(batch);
    const response = await pool.request({ path, method: "POST", headers, body });
    await response.body.dump();
    if (response.statusCode >= 300) throw new Error(`the backend answered ${response.statusCode}`);
    inFlight--;
    pump();
    progress.add(batch.length);
  };
  const pump = () => {
    for (; inFlight < CONNECTIONS && queue.length > 0; inFlight++) void post(queue.splice(0, size));
  };
  return {
    emit(event) {
      queue.push(item(event as Event));
      pump();
    },
    close: () => pool.close(),
  };
}

const AS_IT_IS: Pick<BenchSink, "item" | "body" | "headers" | "batch"> = {
  item: (event) => JSON.stringify(event),
  body: (items) => `{"events":[${items.join(",")}]}`,
};

function benchSink(name: string | undefined): BenchSink | undefined {
  if (name === undefined) return undefined;
  const sink = BENCH_SINKS[name];
  if (!sink) throw new Error(`no sink of the benchmark is called ${name}`);
  return sink;
}

/** A client of others, from its own project. It tells nothing of its progress, and is flushed instead. */
async function openClient({ url, project = "" }: Job): Promise<Program> {
  const { open } = await import(join(projectFolder(project), "bench.js"));
  const { emit, flush } = await open(new URL(url).origin);
  return { emit, flush, close: async () => undefined };
}

/**
 * Ours: stringified once, appended durably, and only then routed and posted, as the bytes that were stored or
 * as what a sink makes of them.
 */
async function openSluice({ url, dataDir, sink: name }: Job, progress: Progress): Promise<Program> {
  const disk = systemDisk;
  const parts = { disk, clock: systemClock, random: systemRandom };
  const spool = await openFileSpool({ ...parts, dataDir, maxBytes: 1024 ** 3, minFreeBytes: 0 });
  const mapping = benchSink(name);
  const order = mapping?.definition.order ?? "none";
  const sink = mapping
    ? counting(await openBenchSink(mapping, new URL(url).origin), progress)
    : openWebhook(url, progress);
  const route = await openRoute({
    name: "bench",
    definition: {
      type: "webhook",
      limits: { events: BATCH, bytes: 1024 * 1024 },
      order,
      inFlight: CONNECTIONS,
    },
    sink,
    spool,
    place: "00".repeat(16),
    firstOffset: 0,
    openDeadLetters: async () => ({
      append: async () => "failed",
      countFor: () => undefined,
      follows: () => false,
      rewrite: async () => undefined,
      count: 0,
      close: async () => undefined,
    }),
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    random: systemRandom,
  });
  let pending: NewRecord[] = [];
  const append = async () => {
    const records = pending;
    pending = [];
    const outcomes = await spool.append(records);
    const missing = outcomes.find(({ status }) => status !== "appended");
    if (missing) throw new Error(`not everything was stored: ${JSON.stringify(missing)}`);
  };
  return {
    emit(event) {
      const { id, runId, traceId: orderKey } = event;
      const received = new Received(Buffer.from(JSON.stringify(event)));
      const kindCode = KIND_CODES["run.ended"];
      if (pending.length === 0) queueMicrotask(append);
      pending.push({ id, kindCode, flags: 0, runId, orderKey, received, body: received.bytes });
    },
    async close() {
      await route.close();
      await sink.close();
      await spool.close();
    },
  };
}

function counting(sink: Sink, progress: Progress): Sink {
  return {
    ...sink,
    async send(batch, signal) {
      const delivery = await sink.send(batch, signal);
      if (delivery.status !== "delivered") throw new Error(`not delivered: ${JSON.stringify(delivery)}`);
      progress.add(batch.length);
      return delivery;
    },
  };
}

/** What a webhook sink does: the stored bytes, in a list. */
function openWebhook(url: string, progress: Progress): Sink {
  const headers = { "content-type": "application/json" };
  const http = createHttpSend({ url, headers, secrets: [], clock: systemClock });
  return {
    async send(batch, signal) {
      const answer = await http.post(bodyOf(batch), signal);
      if (answer.status !== "answered") return answer;
      progress.add(batch.length);
      return { status: "delivered", httpStatus: answer.httpStatus };
    },
    check: async () => undefined,
    close: () => http.close(),
  };
}

const HEAD = Buffer.from('{"events":[');
const COMMA = 0x2c;
const TAIL = Buffer.from("]}");

function bodyOf(batch: readonly Outgoing[]): Uint8Array {
  let length = HEAD.length + TAIL.length - 1;
  for (const { raw } of batch) length += raw.length + 1;
  const body = Buffer.allocUnsafe(length);
  let at = HEAD.copy(body);
  for (const { raw } of batch) {
    body.set(raw, at);
    at += raw.length;
    body[at++] = COMMA;
  }
  body.set(TAIL, at - 1);
  return body;
}

const [, , role, job = "{}"] = process.argv;
switch (role) {
  case "backend":
    serve();
    break;
  case "undici":
    process.send?.(await run(openUndici, JSON.parse(job)));
    process.disconnect();
    break;
  case "sluice":
    process.send?.(await run(openSluice, JSON.parse(job)));
    process.disconnect();
    break;
  case "client":
    process.send?.(await run(openClient, JSON.parse(job)));
    process.disconnect();
    // Theirs may have timers that go on.
    process.exit();
    break;
  default:
    throw new Error(`no program is called ${role}`);
}
