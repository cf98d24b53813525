import { expect, test } from "vitest";
import { textDeltaEvent } from "../event/dialects/stream/stream-event.ts";
import { ManualClock } from "../system/manual-clock.ts";
import { isInvalidEvent, isStreamClosed, isStreamFull, StreamError } from "./errors.ts";
import { createEventStream, type EventStream, type EventStreamOptions } from "./event-stream.ts";
import type { Gap } from "./gap.ts";
import type { Subscription } from "./subscription.ts";

interface Numbered {
  readonly n: number;
}

function openStream(options: EventStreamOptions = {}): EventStream<Numbered> {
  return createEventStream<Numbered>({ id: "s-1", clock: new ManualClock(), ...options });
}

function sendAll(stream: EventStream<Numbered>, from: number, to: number): void {
  for (let n = from; n <= to; n++) expect(stream.trySend({ n })).toBe(true);
}

/** Numbers, and gaps as [from, to]. */
function told(item: Numbered | Gap): number | readonly [number, number] {
  return "n" in item ? item.n : [item.data.from, item.data.to];
}

async function read(subscription: Subscription<Numbered>, count: number) {
  const items: ReturnType<typeof told>[] = [];
  const iterator = subscription[Symbol.asyncIterator]();
  for (let left = count; left > 0; left--) {
    const result = await iterator.next();
    if (result.done) break;
    items.push(told(result.value));
  }
  return items;
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("a subscriber reads what was sent, in order, and ends when the stream is closed", async () => {
  const stream = createEventStream({ capacity: 5 });
  await stream.send(textDeltaEvent("Hello "));
  await stream.send(textDeltaEvent("World!"));
  stream.close();

  const texts: unknown[] = [];
  for await (const { data } of stream) texts.push(data);

  expect(texts).toEqual([{ text: "Hello " }, { text: "World!" }]);
});

test("every subscriber reads every event from its start on", async () => {
  const stream = openStream();
  sendAll(stream, 1, 3);
  const first = stream.subscribe();
  const second = stream.subscribe();
  const third = stream.subscribe({ from: 2 });

  sendAll(stream, 4, 5);

  expect(await read(first, 5)).toEqual([1, 2, 3, 4, 5]);
  expect(await read(second, 2)).toEqual([4, 5]);
  expect(await read(third, 4)).toEqual([2, 3, 4, 5]);
});

test("a batch is all that is there, and what is sent in the turn that wakes its reader", async () => {
  const stream = openStream();
  const batches = stream.subscribe().batches();
  const first = batches.next();

  sendAll(stream, 1, 3);
  const second = first.then(() => batches.next());
  await first;
  sendAll(stream, 4, 4);

  expect(await first).toEqual({ value: [{ n: 1 }, { n: 2 }, { n: 3 }], done: false });
  expect(await second).toEqual({ value: [{ n: 4 }], done: false });
});

test("a sender under block waits until the slowest subscriber has made room", async () => {
  const stream = openStream({ capacity: 2 });
  const slow = stream.subscribe();
  const fast = stream.subscribe();
  sendAll(stream, 1, 2);
  let isSent = false;
  const sent = stream.send({ n: 3 }).then(() => {
    isSent = true;
  });

  expect(await read(fast, 2)).toEqual([1, 2]);
  expect(isSent).toBe(false);
  expect(stream.trySend({ n: 4 })).toBe(false);
  expect(await read(slow, 1)).toEqual([1]);
  await sent;

  expect(await read(fast, 1)).toEqual([3]);
});

test("under drop-newest a full stream refuses, says so, and counts", async () => {
  const stream = openStream({ capacity: 2, policy: "drop" });
  sendAll(stream, 1, 2);

  expect(stream.trySend({ n: 3 })).toBe(false);
  const failure = await failureOf(stream.send({ n: 4 }, { timeoutMs: 1_000 }));

  expect(isStreamFull(failure)).toBe(true);
  expect(failure).toMatchObject({ streamId: "s-1", operation: "send", code: "full" });
  expect(stream.dropped).toBe(2);
  expect(stream.policy).toBe("drop-newest");
});

test("under drop-oldest a subscriber that is behind reads one gap with the exact count", async () => {
  const stream = openStream({ capacity: 4, policy: "drop-oldest" });
  const subscription = stream.subscribe();
  sendAll(stream, 1, 10);

  expect(await read(subscription, 5)).toEqual([[1, 6], 7, 8, 9, 10]);
  expect(stream.dropped).toBe(6);
  expect(subscription.seq).toBe(10);
});

test("under coalesce a subscriber that is behind reads adjacent deltas as one", async () => {
  const stream = createEventStream({ capacity: 2, policy: "coalesce" });
  const subscription = stream.subscribe();
  for (const text of ["a", "b", "c"]) stream.trySend(textDeltaEvent(text));
  stream.close();

  const events: unknown[] = [];
  for await (const event of subscription) events.push(event);

  expect(events).toMatchObject([{ type: "TextDelta", data: { text: "abc" }, fromSeq: 1, seq: 3 }]);
});

test("closing wakes those who wait to send, and lets subscribers read to the end", async () => {
  const stream = openStream({ capacity: 1 });
  sendAll(stream, 1, 1);
  const waiting = failureOf(stream.send({ n: 2 }));

  stream.close();
  stream.close();

  expect(isStreamClosed(await waiting)).toBe(true);
  expect(isStreamClosed(await failureOf(stream.send({ n: 3 })))).toBe(true);
  expect(stream.trySend({ n: 3 })).toBe(false);
  expect(await read(stream.subscribe(), 9)).toEqual([1]);
});

test.each([null, undefined, 3, "text", () => {}])(
  "%s is no event, and the error says what came",
  async (item) => {
    const stream = createEventStream<unknown>({ id: "s-1" });

    const failure = await failureOf(stream.send(item));

    expect(isInvalidEvent(failure)).toBe(true);
    expect(() => stream.trySend(item)).toThrow(StreamError);
  },
);
