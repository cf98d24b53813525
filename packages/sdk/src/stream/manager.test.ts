import { expect, test } from "vitest";
import { type StreamEvent, textDeltaEvent } from "../event/dialects/stream/stream-event.ts";
import { ManualClock } from "../system/manual-clock.ts";
import { isStreamClosed, isStreamNotFound, StreamError } from "./errors.ts";
import { createStreamManager, type StreamManagerOptions } from "./manager.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function openManager(options: StreamManagerOptions = {}) {
  const clock = new ManualClock();
  return { clock, manager: createStreamManager<StreamEvent>({ clock, ...options }) };
}

function failureOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

test("a stream is made once, found again, listed and counted until it is closed", () => {
  const { manager } = openManager();

  const stream = manager.createStream("a");
  manager.createStream("b");
  expect(stream.id).toBe("a");
  expect(manager.getStream("a")).toBe(stream);
  expect(manager.getOrCreate("a")).toEqual({ stream, created: false });
  expect(manager.getOrCreate("c").created).toBe(true);
  expect(manager.listStreams()).toEqual(["a", "b", "c"]);
  expect(manager.streamCount()).toBe(3);

  manager.closeStream("a");

  expect(stream.isClosed).toBe(true);
  expect(manager.listStreams()).toEqual(["b", "c"]);
  expect(manager.streamCount()).toBe(2);
  manager.close();
});

test("a stream has the size and the policy of the manager, or its own", () => {
  const { manager } = openManager({ capacity: 7, policy: "drop-oldest" });

  const usual = manager.createStream("a");
  const special = manager.createStream("b", { capacity: 3 });
  const plain = openManager().manager.createStream("c");

  expect([usual.capacity, usual.policy]).toEqual([7, "drop-oldest"]);
  expect([special.capacity, special.policy]).toEqual([3, "drop-oldest"]);
  expect([plain.capacity, plain.policy]).toEqual([100, "block"]);
});

test("every failure says which stream, what was asked and why not", () => {
  const { manager } = openManager();
  manager.createStream("a");

  const failures = [
    () => manager.createStream("a"),
    () => manager.getStream("x"),
    () => manager.closeStream("x"),
    () => manager.streamInfo("x"),
  ].map((action) => failureOf(action));

  const told = failures.map((error) =>
    error instanceof StreamError ? [error.streamId, error.operation, error.code] : error,
  );
  expect(told).toEqual([
    ["a", "create", "exists"],
    ["x", "get", "not_found"],
    ["x", "close", "not_found"],
    ["x", "get", "not_found"],
  ]);
  expect(isStreamNotFound(failures[1])).toBe(true);
  expect(failureOf(() => manager.createStream(""))).toBeInstanceOf(RangeError);
});

test("the info of a stream tells what it holds, lost and did last", async () => {
  const { manager, clock } = openManager({ capacity: 2, policy: "drop-oldest" });
  const stream = manager.createStream("a");
  const reader = stream.subscribe();
  await clock.advance(1_500);
  for (const text of ["1", "2", "3"]) stream.trySend(textDeltaEvent(text));
  await clock.advance(700);

  expect(manager.streamInfo("a")).toEqual({
    id: "a",
    capacity: 2,
    length: 2,
    isClosed: false,
    lastActivity: "2026-01-01T00:00:01.500Z",
    dropped: 1,
    subscribers: 1,
  });

  await reader[Symbol.asyncIterator]().next();
  manager.closeStream("a");
  expect(manager.listStreamInfo()).toMatchObject([
    { isClosed: true, lastActivity: "2026-01-01T00:00:02.200Z" },
  ]);
});

test("a reader that comes after the end finds the stream, until its time is over", async () => {
  const { manager, clock } = openManager({ keepClosedMs: 5 * MINUTE_MS });
  const stream = manager.createStream("a");
  stream.trySend(textDeltaEvent("all"));
  manager.closeStream("a");

  await clock.advance(4 * MINUTE_MS);
  const late = await Array.fromAsync(manager.getStream("a").subscribe({ from: 1 }));
  expect(late).toMatchObject([{ data: { text: "all" } }]);

  // It was read a minute before its end: that counts.
  await clock.advance(4 * MINUTE_MS);
  expect(manager.getStream("a")).toBe(stream);
  await clock.advance(2 * MINUTE_MS);
  expect(isStreamNotFound(failureOf(() => manager.getStream("a")))).toBe(true);
});

test("a stream that was closed by itself after a long silence still has its time", async () => {
  const { manager, clock } = openManager({ keepClosedMs: 5 * MINUTE_MS, inactiveMs: 10 * HOUR_MS });
  const stream = manager.createStream("a");
  stream.trySend(textDeltaEvent("all"));
  await clock.advance(HOUR_MS);

  stream.close();

  await clock.advance(4 * MINUTE_MS);
  expect(manager.getStream("a")).toBe(stream);
  await clock.advance(2 * MINUTE_MS);
  expect(manager.listStreamInfo()).toEqual([]);
});

test("the id of a closed stream can be used again, and its readers finish the old one", async () => {
  const { manager } = openManager();
  const old = manager.createStream("a");
  old.trySend(textDeltaEvent("old"));
  const reader = old.subscribe();
  manager.closeStream("a");

  const { stream, created } = manager.getOrCreate("a");

  expect(created).toBe(true);
  expect(manager.getStream("a")).toBe(stream);
  expect(await Array.fromAsync(reader)).toMatchObject([{ data: { text: "old" } }]);
});

test("closed streams beyond a thousand are forgotten, the oldest first", () => {
  const { manager } = openManager();
  for (let n = 0; n < 1_010; n++) manager.createStream(`s-${n}`).close();

  manager.cleanupInactive(HOUR_MS);

  expect(manager.listStreamInfo()).toHaveLength(1_000);
  expect(manager.listStreamInfo()[0]?.id).toBe("s-10");
});

test("clean-up closes what was neither sent to nor read from, and nothing else", async () => {
  const { manager, clock } = openManager();
  const silent = manager.createStream("silent");
  const sending = manager.createStream("sending");
  const reading = manager.createStream("reading");
  for (const text of ["1", "2"]) reading.trySend(textDeltaEvent(text));
  await clock.advance(10_000);
  sending.trySend(textDeltaEvent("1"));
  await reading.subscribe()[Symbol.asyncIterator]().next();

  const closed = manager.cleanupInactive(10_000);

  expect(closed).toBe(1);
  expect([silent, sending, reading].map(({ isClosed }) => isClosed)).toEqual([true, false, false]);
  expect(manager.cleanupInactive(0)).toBe(0);
  expect(manager.cleanupInactive(-1)).toBe(0);
  expect(manager.cleanupInactive(Number.NaN)).toBe(0);
  expect(manager.streamCount()).toBe(2);
});

test("clean-up never closes a stream in whose middle somebody waits", async () => {
  const { manager, clock } = openManager({ capacity: 1 });
  const watched = manager.createStream("watched");
  const blocked = manager.createStream("blocked");
  const stalled = manager.createStream("stalled");
  const next = watched.subscribe()[Symbol.asyncIterator]().next();
  await blocked.send(textDeltaEvent("1"));
  const second = blocked.send(textDeltaEvent("2"));
  stalled.subscribe();
  await stalled.send(textDeltaEvent("1"));
  await clock.advance(30 * MINUTE_MS);

  expect(manager.cleanupInactive(MINUTE_MS)).toBe(1);

  expect([watched, blocked, stalled].map(({ isClosed }) => isClosed)).toEqual([false, false, true]);
  watched.trySend(textDeltaEvent("late"));
  expect(await next).toMatchObject({ value: { data: { text: "late" } } });
  await blocked.subscribe()[Symbol.asyncIterator]().next();
  await clock.advance(1);
  await second;
});

test("clean-up runs by itself while there are streams, and its timer goes with the last of them", async () => {
  const { manager, clock } = openManager({ inactiveMs: HOUR_MS, keepClosedMs: MINUTE_MS });
  expect(clock.timers).toBe(0);
  const stream = manager.createStream("a");
  expect(clock.timers).toBe(1);

  await clock.advance(HOUR_MS + 10_000);
  expect(stream.isClosed).toBe(true);
  expect(manager.getStream("a")).toBe(stream);

  await clock.advance(2 * MINUTE_MS);
  expect(manager.listStreamInfo()).toEqual([]);
  expect(clock.timers).toBe(0);
});

test("closing all streams leaves them readable; closing the manager is for good", async () => {
  const { manager, clock } = openManager();
  const streams = ["a", "b"].map((id) => manager.createStream(id));
  for (const stream of streams) stream.trySend(textDeltaEvent("x"));

  manager.closeAll();
  expect(streams.every(({ isClosed }) => isClosed)).toBe(true);
  expect(await Array.fromAsync(manager.getStream("a"))).toHaveLength(1);
  const third = manager.createStream("c");

  manager.close();
  manager.close();

  expect(third.isClosed).toBe(true);
  expect(clock.timers).toBe(0);
  expect(manager.listStreamInfo()).toEqual([]);
  expect(isStreamClosed(failureOf(() => manager.createStream("d")))).toBe(true);
  expect(isStreamClosed(failureOf(() => manager.getOrCreate("d")))).toBe(true);
});

test("clean-up in the middle of sends, reads and closes leaves no rejection behind", async () => {
  const { manager, clock } = openManager({ capacity: 4 });
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);

  for (let n = 0; n < 200; n++) {
    const stream = manager.createStream(`s-${n}`);
    if (n % 2 === 0) stream.subscribe();
    for (let item = 0; item < 12; item++) stream.send(textDeltaEvent("x"));
    if (n % 3 === 0) Array.fromAsync(stream).catch(() => {});
  }
  await clock.advance(HOUR_MS);
  manager.cleanupInactive(1);
  manager.closeAll();
  manager.close();
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));

  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

test("an option that makes no sense is told when the manager is made, not by its first stream", () => {
  expect(() => createStreamManager({ capacity: 0 })).toThrow("capacity is 0");
  expect(() => createStreamManager({ inactiveMs: Number.NaN })).toThrow("inactiveMs is NaN");
  expect(() => createStreamManager({ keepClosedMs: -1 })).toThrow("keepClosedMs is -1");
  expect(() => createStreamManager({ cleanupIntervalMs: 0 })).toThrow(
    new RangeError(
      "createStreamManager: cleanupIntervalMs is 0. Give milliseconds, from 1 on; Infinity is never.",
    ),
  );
});
