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

const clock = new ManualClock();

function openStream(options: EventStreamOptions = {}): EventStream<Numbered> {
  return createEventStream<Numbered>({ id: "s-1", clock, ...options });
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

/** Ten links of a promise chain: more than a send or a reading needs, and no turn of the event loop. */
async function aMoment(): Promise<void> {
  for (let link = 0; link < 10; link++) await Promise.resolve();
}

function outcomeOf(send: Promise<void>): { code: string | undefined } {
  const outcome: { code: string | undefined } = { code: undefined };
  void send.then(
    () => {
      outcome.code = "sent";
    },
    (error: unknown) => {
      outcome.code = StreamError.codeOf(error) ?? "another error";
    },
  );
  return outcome;
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
  const sent = outcomeOf(stream.send({ n: 3 }));

  expect(await read(fast, 2)).toEqual([1, 2]);
  expect(sent.code).toBe(undefined);
  expect(stream.trySend({ n: 4 })).toBe(false);
  expect(await read(slow, 1)).toEqual([1]);
  await aMoment();

  expect(sent.code).toBe("sent");
  expect(await read(fast, 1)).toEqual([3]);
});

test("with no subscriber yet, a sender under block fills the stream and waits for the first one to read", async () => {
  const stream = openStream({ capacity: 2 });
  sendAll(stream, 1, 2);
  const sent = outcomeOf(stream.send({ n: 3 }));
  await clock.advance(0);
  expect(sent.code).toBe(undefined);

  expect(await read(stream.subscribe(), 3)).toEqual([1, 2, 3]);

  expect(sent.code).toBe("sent");
});

test("senders are woken together when half is free, and in the next turn if nobody reads that far", async () => {
  const stream = openStream({ capacity: 4 });
  const subscription = stream.subscribe();
  sendAll(stream, 1, 4);
  const sends = [5, 6, 7].map((n) => outcomeOf(stream.send({ n })));
  const codes = () => sends.map(({ code }) => code);

  await read(subscription, 1);
  await aMoment();
  expect(codes()).toEqual([undefined, undefined, undefined]);
  await read(subscription, 1);
  await aMoment();
  expect(codes()).toEqual(["sent", "sent", undefined]);
  await read(subscription, 1);
  await clock.advance(0);

  expect(codes()).toEqual(["sent", "sent", "sent"]);
});

test("a send that waits longer than its time is refused, and what waits behind it is sent", async () => {
  const stream = openStream({ capacity: 1 });
  const subscription = stream.subscribe();
  sendAll(stream, 1, 1);
  const first = outcomeOf(stream.send({ n: 2 }, { timeoutMs: 500 }));
  const second = outcomeOf(stream.send({ n: 3 }, { timeoutMs: Number.POSITIVE_INFINITY }));
  const impatient = outcomeOf(stream.send({ n: 4 }, { timeoutMs: 0 }));

  await clock.advance(499);
  expect([first.code, impatient.code]).toEqual([undefined, "timeout"]);
  await clock.advance(1);

  expect(first.code).toBe("timeout");
  expect(await read(subscription, 2)).toEqual([1, 3]);
  expect(second.code).toBe("sent");
});

test.each([
  ["drop-oldest", ["sent", "sent"], [[1, 2], 3, 4], 2],
  ["coalesce", ["sent", "sent"], [1, 2, 3, 4], 0],
  ["drop-newest", ["full", "full"], [1, 2], 2],
] as const)(
  "those who wait when the policy becomes %s are treated by it",
  async (policy, codes, items, dropped) => {
    const stream = openStream({ capacity: 2 });
    const subscription = stream.subscribe();
    sendAll(stream, 1, 2);
    const sends = [3, 4].map((n) => outcomeOf(stream.send({ n })));

    stream.policy = policy;
    await aMoment();
    stream.close();

    expect(sends.map(({ code }) => code)).toEqual(codes);
    expect(await read(subscription, 9)).toEqual(items);
    expect(stream.dropped).toBe(dropped);
  },
);

test("a subscriber that closes, breaks or throws out of its loop holds nobody up any more", async () => {
  const stream = openStream({ capacity: 1 });
  const leave: readonly ((subscription: Subscription<Numbered>) => Promise<void> | void)[] = [
    (subscription) => subscription.close(),
    async (subscription) => {
      for await (const _ of subscription) break;
    },
    async (subscription) => {
      for await (const _ of subscription.batches()) throw new Error("the page is gone");
    },
  ];
  const subscriptions = leave.map(() => stream.subscribe());
  const last = stream.subscribe();
  sendAll(stream, 1, 1);
  const sent = outcomeOf(stream.send({ n: 2 }));
  await read(last, 1);
  await clock.advance(0);
  expect(sent.code).toBe(undefined);

  for (const [index, subscription] of subscriptions.entries()) {
    await Promise.resolve(leave[index]?.(subscription)).catch(() => {});
  }
  await aMoment();

  expect(sent.code).toBe("sent");
  expect(stream.subscribers).toBe(1);
  expect(await read(last, 1)).toEqual([2]);
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

test("of two subscribers under drop-oldest the stalled one loses, exactly, and the other nothing", async () => {
  const stream = openStream({ policy: "drop-oldest" });
  const stalled = stream.subscribe();
  const lively = stream.subscribe();
  const seen: unknown[] = [];

  for (let n = 1; n <= 10_000; n += 100) {
    sendAll(stream, n, n + 99);
    seen.push(...(await read(lively, 100)));
  }

  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
  expect(await read(stalled, 101)).toEqual([[1, 9_900], ...seen.slice(9_900)]);
  expect(stream.dropped).toBe(9_900);
});

test("losses before and after a reading are two gaps, each with its own seqs", async () => {
  const stream = openStream({ capacity: 2, policy: "drop-oldest" });
  const batches = stream.subscribe().batches();

  sendAll(stream, 1, 3);
  const first = await batches.next();
  sendAll(stream, 4, 9);
  const second = await batches.next();

  expect(first.value?.map(told)).toEqual([[1, 1], 2, 3]);
  expect(second.value?.map(told)).toEqual([[4, 7], 8, 9]);
});

test("a gap says how many, which, and when it was found", async () => {
  const stream = openStream({ capacity: 1, policy: "drop-oldest", clock: new ManualClock(0) });
  sendAll(stream, 1, 3);

  const { value } = await stream[Symbol.asyncIterator]().next();

  expect(value).toEqual({
    type: "Gap",
    data: { dropped: 2, from: 1, to: 2 },
    timestamp: "1970-01-01T00:00:00.000Z",
  });
});

test("who comes back reads on where it was while that is in the ring, and after a gap when it is not", async () => {
  const stream = openStream({ capacity: 4 });
  const subscription = stream.subscribe();
  sendAll(stream, 1, 4);
  await read(subscription, 2);
  subscription.close();
  sendAll(stream, 5, 6);

  expect(await read(stream.subscribe({ from: subscription.seq + 1 }), 4)).toEqual([3, 4, 5, 6]);
  expect(await read(stream.subscribe({ from: "oldest" }), 2)).toEqual([[1, 2], 3]);
  expect(stream.subscribe({ from: 1_000 }).seq).toBe(6);
  expect(() => stream.subscribe({ from: 1.5 })).toThrow("from is 1.5");
});

test("under coalesce a subscriber that is behind reads adjacent deltas as one", async () => {
  const stream = createEventStream({ capacity: 2, policy: "coalesce" });
  const subscription = stream.subscribe();
  for (const text of ["a", "b", "c"]) stream.trySend(textDeltaEvent(text));
  stream.close();

  const events = await Array.fromAsync(subscription.batches());

  expect(events).toMatchObject([[{ type: "TextDelta", data: { text: "abc" }, fromSeq: 1, seq: 3 }]]);
});

test("under coalesce more than 1 MiB of text is lost from its start, and a gap says so", async () => {
  const stream = createEventStream({ capacity: 2, policy: "coalesce" });
  const subscription = stream.subscribe();
  const text = "x".repeat(1024);
  for (let n = 0; n < 1_000; n++) stream.trySend(textDeltaEvent(text));
  stream.close();

  const events = await Array.fromAsync(subscription);

  // 1 MiB / (1,024 + 128) = 910.2
  expect(events).toMatchObject([{ data: { from: 1, to: 90 } }, { fromSeq: 91, seq: 1_000 }]);
  expect(stream.dropped).toBe(90);
});

test("a stream is full at 1 MiB whatever its capacity, but takes one event of any size", async () => {
  const stream = createEventStream({ capacity: 1_000_000 });
  const half = textDeltaEvent("x".repeat(512 * 1024));
  const whole = textDeltaEvent("x".repeat(2 * 1024 * 1024));

  expect(stream.trySend(whole)).toBe(true);
  expect(stream.trySend(half)).toBe(false);
  const subscription = stream.subscribe();
  await subscription[Symbol.asyncIterator]().next();

  expect([stream.trySend(half), stream.trySend(half)]).toEqual([true, false]);
  expect(stream.length).toBe(1);
});

test("several events asked for at once come in order, and so do the ends", async () => {
  const stream = openStream();
  const iterator = stream[Symbol.asyncIterator]();
  const asked = Array.from({ length: 4 }, () => iterator.next());

  sendAll(stream, 1, 2);
  const late = iterator.next();
  sendAll(stream, 3, 3);
  stream.close();

  const values = (await Promise.all([...asked, late])).map(({ value }) => value && told(value));
  expect(values).toEqual([1, 2, 3, undefined, undefined]);
});

test("a stream is active when an event is sent or read, and idle otherwise", async () => {
  const stream = openStream();
  const subscription = stream.subscribe();
  const idle: number[] = [];
  const act = [() => sendAll(stream, 1, 1), () => read(subscription, 1), () => subscription.close()];

  for (const action of act) {
    await clock.advance(1_000);
    await action();
    await clock.advance(50);
    idle.push(stream.idleMs);
  }

  expect(idle).toEqual([50, 50, 1_100]);
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

test("an option that makes no sense is a RangeError that names it", () => {
  expect(() => createEventStream({ capacity: 0 })).toThrow(
    new RangeError("createEventStream: capacity is 0. Give a whole number from 1."),
  );
  expect(() => createEventStream({ maxBytes: Number.NaN })).toThrow("maxBytes is NaN");
  expect(() => Reflect.set(openStream(), "policy", "newest")).toThrow('Unknown policy "newest"');
  expect(createEventStream()).toMatchObject({ capacity: 100, policy: "block", length: 0, seq: 0 });
});
