import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { createEventStream, type EventStream, type StreamEvent, textDeltaEvent } from "@sluice/sdk";
import { pushable } from "it-pushable";

/**
 * The programs of the stream benchmark, each run in a process of its own, so that none has its code shaped by
 * another's. One sender and one reader per stream, in one process; the sender waits where its stream has a
 * way to make it wait. What is told is the CPU time of the whole process per event, garbage collection
 * included: the median of three runs after one that warms the compiler up.
 */
export type ProgramName = keyof typeof PROGRAMS;

export interface Job {
  readonly program: ProgramName;
  readonly streams: number;
  /** Of all streams together. */
  readonly events: number;
}

const CAPACITY = 256;
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

async function measure({ program, streams, events }: Job): Promise<number> {
  const perStream = Math.floor(events / streams);
  const run = () => Promise.all(Array.from({ length: streams }, () => PROGRAMS[program](perStream)));
  await run();
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

process.send?.(await measure(JSON.parse(process.argv[2] ?? "") as Job));
