import { getEventListeners } from "node:events";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { isStreamClosed } from "../errors.ts";
import { createEventStream, type EventStream, type EventStreamOptions } from "../event-stream.ts";
import { fromIterable } from "./from-iterable.ts";

interface Numbered {
  readonly n: number;
}

function openStream(options: EventStreamOptions = {}): EventStream<Numbered> {
  return createEventStream<Numbered>(options);
}

async function numbersOf(stream: EventStream<Numbered>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const item of stream) if ("n" in item) numbers.push(item.n);
  return numbers;
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Numbers 1 to `count`, of each kind of source, and whether it was told to stop. */
function sourcesOf(count: number) {
  const state = { given: 0, stopped: 0 };
  const items = Array.from({ length: count }, (_, index) => ({ n: index + 1 }));
  const web = new ReadableStream<Numbered>(
    {
      pull(controller) {
        const item = items[state.given++];
        if (item === undefined) controller.close();
        else controller.enqueue(item);
      },
      cancel: () => void state.stopped++,
    },
    { highWaterMark: 0 },
  );
  const node = new Readable({
    objectMode: true,
    highWaterMark: 1,
    read() {
      this.push(items[state.given++] ?? null);
    },
    destroy(error, callback) {
      if (state.given <= count) state.stopped++;
      callback(error);
    },
  });
  async function* generate() {
    let hasEnded = false;
    try {
      for (const item of items) {
        state.given++;
        yield item;
      }
      hasEnded = true;
    } finally {
      if (!hasEnded) state.stopped++;
    }
  }
  return { state, web, node, generator: generate() };
}

/** A source that has given one item and then says nothing more, for ever, unless it is stopped. */
function silentSources() {
  const first = { n: 1 };
  let stopped = 0;
  const stop = () => void stopped++;
  const web = new ReadableStream<Numbered>({
    start: (controller) => controller.enqueue(first),
    cancel: stop,
  });
  const destroy = (error: Error | null, done: (error: Error | null) => void) => {
    stop();
    done(error);
  };
  const node = new Readable({ objectMode: true, read() {}, destroy });
  node.push(first);
  const controller = new AbortController();
  controller.signal.addEventListener("abort", stop);
  async function* wait() {
    yield first;
    await new Promise<void>((resolve) => controller.signal.addEventListener("abort", () => resolve()));
  }
  const withController = { controller, [Symbol.asyncIterator]: wait };
  return { web, node, withController, stopped: () => stopped };
}

test.each(["web", "node", "generator"] as const)(
  "all of a %s source arrives in order, and the stream ends",
  async (kind) => {
    const source = sourcesOf(300);
    const stream = openStream({ capacity: 8 });

    const sent = fromIterable<Numbered>(source[kind], stream);

    expect(await numbersOf(stream)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    await sent;
    expect(source.state.stopped).toBe(0);
  },
);

test.each(["web", "node", "generator"] as const)("a slow subscriber slows a %s source down", async (kind) => {
  const source = sourcesOf(300);
  const stream = openStream({ capacity: 8 });
  const subscription = stream.subscribe();
  const sent = fromIterable<Numbered>(source[kind], stream);

  await subscription[Symbol.asyncIterator]().next();
  await new Promise((resolve) => setImmediate(resolve));

  // One was read, eight are in the ring, one waits for room, and Node has read one or two ahead.
  expect(source.state.given).toBeGreaterThanOrEqual(9);
  expect(source.state.given).toBeLessThanOrEqual(13);
  stream.close();
  expect(isStreamClosed(await failureOf(sent))).toBe(true);
});

test.each(["web", "node", "generator"] as const)(
  "closing the stream stops a %s source, once",
  async (kind) => {
    const source = sourcesOf(300);
    const stream = openStream({ capacity: 8 });

    const sent = fromIterable<Numbered>(source[kind], stream);
    while (stream.length < 8) await new Promise((resolve) => setImmediate(resolve));
    stream.close();

    expect(isStreamClosed(await failureOf(sent))).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.state.stopped).toBe(1);
  },
);

test.each(["web", "node", "withController"] as const)(
  "an abort stops a silent source at once: %s",
  async (kind) => {
    const sources = silentSources();
    const stream = openStream();
    const controller = new AbortController();
    const reason = new Error("enough");

    const sent = fromIterable<Numbered>(sources[kind], stream, { signal: controller.signal });
    while (stream.seq === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(reason);

    expect(await failureOf(sent)).toBe(reason);
    expect(sources.stopped()).toBe(1);
    expect(stream.isClosed).toBe(true);
  },
);

test("an abort ends also a generator that cannot be stopped, and a wait for room", async () => {
  async function* never() {
    yield { n: 1 };
    await new Promise(() => {});
  }
  for (const source of [never(), sourcesOf(9).generator]) {
    const stream = openStream({ capacity: 2 });
    const controller = new AbortController();

    const sent = fromIterable<Numbered>(source, stream, { signal: controller.signal });
    while (stream.seq === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort("enough");

    expect(await failureOf(sent)).toBe("enough");
  }
});

test("what breaks the source is what the promise says, and subscribers get what came before", async () => {
  async function* broken() {
    yield { n: 1 };
    throw new Error("cut");
  }
  const stream = openStream();

  const sent = fromIterable(broken(), stream);

  expect(await numbersOf(stream)).toEqual([1]);
  expect(await failureOf(sent)).toEqual(new Error("cut"));
});

test("under drop-newest what there is no room for is dropped, and the source goes on", async () => {
  const stream = openStream({ capacity: 4, policy: "drop-newest" });

  await fromIterable(
    Array.from({ length: 10 }, (_, index) => ({ n: index + 1 })),
    stream,
  );

  expect(await numbersOf(stream)).toEqual([1, 2, 3, 4]);
  expect(stream.dropped).toBe(6);
});

test("the stream stays open if it shall, and a signal is let go", async () => {
  const stream = openStream();
  const { signal } = new AbortController();

  await fromIterable([{ n: 1 }, { n: 2 }], stream, { signal, preventClose: true });

  expect(stream.isClosed).toBe(false);
  expect(stream.seq).toBe(2);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("a source that cannot even be opened closes the stream too", async () => {
  const locked = new ReadableStream<Numbered>();
  locked.getReader();
  const stream = openStream();

  expect(await failureOf(fromIterable(locked, stream))).toBeInstanceOf(TypeError);
  expect(stream.isClosed).toBe(true);
});

test("a failure that nobody awaits is no unhandled rejection", async () => {
  const seen: unknown[] = [];
  const onUnhandled = (reason: unknown) => void seen.push(reason);
  process.on("unhandledRejection", onUnhandled);
  async function* broken(): AsyncGenerator<Numbered> {
    yield { n: 1 };
    throw new Error("cut");
  }

  fromIterable(broken(), openStream());
  fromIterable(sourcesOf(3).web, openStream(), { signal: AbortSignal.abort() });
  const closed = openStream();
  closed.close();
  fromIterable(sourcesOf(3).node, closed);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));

  process.off("unhandledRejection", onUnhandled);
  expect(seen).toEqual([]);
});
