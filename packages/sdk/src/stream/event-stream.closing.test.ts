import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ManualClock } from "../system/manual-clock.ts";
import { isStreamClosed, StreamError } from "./errors.ts";
import { createEventStream } from "./event-stream.ts";

/** What a stream leaves behind when it is closed, left or aborted: nothing. */
const SENDERS = 1_000;

let unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  unhandled = [];
  process.on("unhandledRejection", onUnhandled);
});

afterEach(async () => {
  await turn();
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

/** A stream that is full, and has one who does not read. */
function fullStream() {
  const clock = new ManualClock();
  const stream = createEventStream<object>({ id: "s-1", capacity: 1, clock });
  const subscription = stream.subscribe();
  stream.trySend({ n: 0 });
  return { clock, stream, subscription };
}

test("closing wakes 1,000 blocked senders with a typed error, and leaves no timer and no listener", async () => {
  const { clock, stream, subscription } = fullStream();
  const abort = new AbortController();
  const options = { signal: abort.signal, timeoutMs: 60_000 };
  const sends = Array.from({ length: SENDERS }, (_, n) => stream.send({ n }, options));

  stream.close();
  const outcomes = await Promise.allSettled(sends);

  expect(outcomes.filter((one) => one.status === "rejected" && isStreamClosed(one.reason))).toHaveLength(
    SENDERS,
  );
  expect(clock.timers).toBe(0);
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
  expect(await readAll(subscription)).toEqual([{ n: 0 }]);
});

test("1,000 senders that nobody awaits are refused without an unhandled rejection", async () => {
  const { stream } = fullStream();
  for (let n = 0; n < SENDERS; n++) void stream.send({ n });

  stream.close();
  void stream.send({ n: 1 });
  void stream.send({ n: 2 }, { signal: AbortSignal.abort() });
  void createEventStream<unknown>().send(null);
});

test("a signal that is aborted already sends nothing, also where there is room", async () => {
  const stream = createEventStream<object>();
  const reason = new Error("the page is gone");

  const failure = await stream
    .send({}, { signal: AbortSignal.abort(reason) })
    .catch((error: unknown) => error);

  expect(StreamError.codeOf(failure)).toBe("aborted");
  expect(failure).toMatchObject({ cause: reason });
  expect(stream.seq).toBe(0);
});

test("aborting 1,000 senders while they wait sends none of them, and leaves no timer and no listener", async () => {
  const { clock, stream, subscription } = fullStream();
  const abort = new AbortController();
  const options = { signal: abort.signal, timeoutMs: 60_000 };
  const sends = Array.from({ length: SENDERS }, (_, n) => stream.send({ n }, options));

  abort.abort();
  const outcomes = await Promise.allSettled(sends);
  stream.close();

  const codes = outcomes.map((one) => one.status === "rejected" && StreamError.codeOf(one.reason));
  expect(new Set(codes)).toEqual(new Set(["aborted"]));
  expect(clock.timers).toBe(0);
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
  expect(await readAll(subscription)).toEqual([{ n: 0 }]);
});

test("a send that was let in leaves no timer and no listener either", async () => {
  const { clock, stream, subscription } = fullStream();
  const { signal } = new AbortController();
  const sent = stream.send({ n: 1 }, { signal, timeoutMs: 60_000 });

  await subscription[Symbol.asyncIterator]().next();
  await sent;

  expect(clock.timers).toBe(0);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("a stream that nobody holds is collected with its senders and subscribers, though the signal lives", async () => {
  const { signal } = new AbortController();
  const streams = Array.from({ length: 10 }, () => {
    const { stream, subscription } = fullStream();
    void stream.send({ n: 1 }, { signal, timeoutMs: 60_000 });
    void subscription.batches().next();
    subscription.close();
    stream.close();
    return new WeakRef(stream);
  });

  await turn();
  collectGarbage();

  expect(streams.filter((one) => one.deref() !== undefined)).toEqual([]);
});

test("an event that has left the ring is collected", async () => {
  const stream = createEventStream<object>({ capacity: 1, policy: "drop-oldest" });
  const events = Array.from({ length: 3 }, (_, n) => {
    const event = { n };
    stream.trySend(event);
    return new WeakRef(event);
  });

  await turn();
  collectGarbage();

  expect(events.map((one) => one.deref())).toEqual([undefined, undefined, { n: 2 }]);
  expect(stream.length).toBe(1);
});

test("streams leave no handle open", async () => {
  const before = process.getActiveResourcesInfo().toSorted();
  const stream = createEventStream<object>({ capacity: 1 });
  const subscription = stream.subscribe();
  const sends = [1, 2, 3].map((n) => stream.send({ n }, { timeoutMs: 60_000 }).catch(() => {}));

  await subscription[Symbol.asyncIterator]().next();
  stream.close();
  await Promise.all(sends);
  await turn();

  expect(process.getActiveResourcesInfo().toSorted()).toEqual(before);
});

async function readAll(items: AsyncIterable<unknown>): Promise<unknown[]> {
  return Array.fromAsync(items);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

test("who gives something that is no signal is rejected, and stands in nobody's way", async () => {
  const { stream, subscription } = fullStream();
  const signal: AbortSignal = Object.create(null);
  const refused = stream.send({ n: 1 }, { signal });
  const sent = stream.send({ n: 2 });

  await subscription[Symbol.asyncIterator]().next();
  await sent;
  stream.close();

  await expect(refused).rejects.toThrow(TypeError);
  expect(await readAll(subscription)).toEqual([{ n: 2 }]);
});

test("a subscriber who has read a closed stream to its end has left it", async () => {
  const { stream, subscription } = fullStream();
  const waiting = [stream.subscribe(), stream.subscribe()].map((one) => readAll(one));
  const inBatches = stream.subscribe().batches().next();

  stream.close();
  expect(stream.subscribers).toBe(1);
  await Promise.all([...waiting, inBatches]);
  expect(await readAll(subscription)).toEqual([{ n: 0 }]);

  expect(stream.subscribers).toBe(0);
});
