import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { createEventStream, type EventStream, type StreamEvent, textDeltaEvent } from "@sluice/sdk";
import { pushable } from "it-pushable";

/**
 * The programs of the stream benchmark, each run in a process of its own, so that none has its code shaped
 * by another's. One sender and one reader per stream, in one process; the sender waits where its stream has
 * a way to make it wait. What is told is the CPU time of the whole process per event, garbage collection
 * included: the median of three runs, after 0.3 s of them that warm the compiler up.
 */
export interface Job {
  readonly program: keyof typeof PROGRAMS | "idle" | "idleWithReader";
  readonly streams: number;
  /** Of all streams together. */
  readonly events: number;
}

const CAPACITY = 256;
/**
 * CPU time, because it is time and not events that the compiler needs to be done. Applications run for days:
 * what is compared is compiled code.
 */
const WARM_UP_MICROS = 300_000;
const RUNS = 3;
const TOKENS: readonly StreamEvent[] = Array.from({ length: 1024 }, (_, n) =>
  textDeltaEvent(` token${n % 100}`),
);

let checksum = 0;

function use(event: object): void {
  if ("timestamp" in event) checksum++;
}

function token(n: number): StreamEvent {
  return TOKENS[n & 1023] as StreamEvent;
}

const PROGRAMS = {
  async emitter(events: number) {
    const emitter = new EventEmitter();
    emitter.on("event", use);
    for (let n = 0; n < events; n++) emitter.emit("event", token(n));
  },

  /** The loop alone: nothing that is read event by event can be cheaper. */
  async loop(events: number) {
    let count = 0;
    const next = () => {
      const value = token(count++);
      return Promise.resolve(
        count <= events ? { value, done: false as const } : { value: undefined, done: true as const },
      );
    };
    for await (const event of { [Symbol.asyncIterator]: () => ({ next }) }) use(event);
  },

  async item(events: number) {
    const stream = createEventStream({ capacity: CAPACITY });
    const reader = (async () => {
      for await (const event of stream) use(event);
    })();
    await send(stream, events);
    await reader;
  },

  async batch(events: number) {
    const stream = createEventStream({ capacity: CAPACITY });
    const reader = (async () => {
      for await (const batch of stream.subscribe().batches()) for (const event of batch) use(event);
    })();
    await send(stream, events);
    await reader;
  },

  async pushable(events: number) {
    const queue = pushable<StreamEvent>({ objectMode: true });
    const reader = (async () => {
      for await (const event of queue) use(event);
    })();
    for (let n = 0; n < events; n++) {
      queue.push(token(n));
      if ((n & (CAPACITY - 1)) === CAPACITY - 1) await queue.onEmpty();
    }
    queue.end();
    await reader;
  },

  async readable(events: number) {
    let wake: (() => void) | undefined;
    const readable = new Readable({ objectMode: true, highWaterMark: CAPACITY, read: () => wake?.() });
    const reader = (async () => {
      for await (const event of readable) use(event);
    })();
    for (let n = 0; n < events; n++) {
      if (readable.push(token(n))) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    readable.push(null);
    await reader;
  },

  async transform(events: number) {
    const size = (highWaterMark: number) => new CountQueuingStrategy({ highWaterMark });
    const transform = new TransformStream<StreamEvent, StreamEvent>(undefined, size(CAPACITY), size(1));
    const writer = transform.writable.getWriter();
    const reader = (async () => {
      for await (const event of transform.readable) use(event);
    })();
    for (let n = 0; n < events; n++) {
      if ((writer.desiredSize ?? 0) <= 0) await writer.ready;
      void writer.write(token(n));
    }
    await writer.close();
    await reader;
  },
};

async function send(stream: EventStream, events: number): Promise<void> {
  for (let n = 0; n < events; n++) {
    const event = token(n);
    if (!stream.trySend(event)) await stream.send(event);
  }
  stream.close();
}

async function measure(program: keyof typeof PROGRAMS, { streams, events }: Job): Promise<number> {
  const perStream = Math.floor(events / streams);
  const run = () => Promise.all(Array.from({ length: streams }, () => PROGRAMS[program](perStream)));
  const { user: startMicros } = process.cpuUsage();
  while (process.cpuUsage().user - startMicros < WARM_UP_MICROS) await run();
  const figures: number[] = [];
  for (let count = 0; count < RUNS; count++) {
    checksum = 0;
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    if (checksum !== perStream * streams)
      throw new Error(`${program}: ${checksum} of ${events} events arrived`);
    figures.push(((user + system) * 1_000) / checksum);
  }
  return figures.toSorted((a, b) => a - b)[RUNS >> 1] ?? Number.NaN;
}

/** Heap per open stream; with a reader, one that has asked for the first event. */
function measureIdle(streams: number, withReader: boolean): number {
  const kept: unknown[] = [];
  const before = heapBytes();
  for (let n = 0; n < streams; n++) {
    const stream = createEventStream();
    kept.push(stream, withReader && stream[Symbol.asyncIterator]().next());
  }
  const bytes = (heapBytes() - before) / streams;
  if (kept.length !== 2 * streams) throw new Error("the streams were not kept");
  return bytes;
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const job: Job = JSON.parse(process.argv[2] ?? "");
const { program, streams } = job;
const figure =
  program === "idle" || program === "idleWithReader"
    ? measureIdle(streams, program === "idleWithReader")
    : await measure(program, job);
process.send?.(figure, () => process.disconnect());
