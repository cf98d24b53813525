import type { Usage } from "@sluice/sdk";
import { ManualClock, systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import type { CountListener, CountThread } from "./count-thread.ts";
import { Counter } from "./counter.ts";

const USAGE: Usage = { input: 1, output: 2, source: "counted" };

/** A thread that does what it is told. */
class Scripted implements CountThread {
  readonly bodies: string[] = [];
  isEnded = false;
  readonly listener: CountListener;

  constructor(listener: CountListener) {
    this.listener = listener;
  }

  count(body: Uint8Array): void {
    this.bodies.push(Buffer.from(body).toString());
  }

  async end(): Promise<void> {
    this.isEnded = true;
  }
}

const open: Counter[] = [];
afterEach(async () => {
  for (const counter of open.splice(0)) await counter.close();
});

function scripted({ isReady = true } = {}) {
  const clock = new ManualClock();
  const threads: Scripted[] = [];
  const startThread = (listener: CountListener) => {
    const thread = new Scripted(listener);
    threads.push(thread);
    if (isReady) queueMicrotask(() => listener.onReady());
    return thread;
  };
  const counter = new Counter({ clock, startThread });
  open.push(counter);
  return { clock, threads, counter, count: (text: string) => counter.count(Buffer.from(text)) };
}

function real(): Counter {
  const counter = new Counter({ clock: systemClock });
  open.push(counter);
  return counter;
}

function aRun(content: string, model = "gpt-4o"): Uint8Array {
  const output = { role: "assistant", content: "Hello!" };
  const request = { model, input: [{ role: "user", content }] };
  const run = { type: "llm", operation: "chat", status: "ok", request, response: { model, output } };
  return Buffer.from(JSON.stringify({ id: "a", kind: "run.ended", run }));
}

test("a run is counted on a thread of its own, which starts with the first", async () => {
  const count = await real().count(aRun("Hi"));

  expect(count).toEqual({ status: "counted", usage: { input: 8, output: 2, source: "counted" } });
});

test("bytes that are no event have nothing to count, and the thread lives", async () => {
  const counter = real();

  expect(await counter.count(Buffer.from("{"))).toEqual({ status: "not_counted", reason: "nothing" });
  expect(await counter.count(aRun("Hi"))).toMatchObject({ status: "counted" });
});

test("while the worst of texts is counted, the loop is free", async () => {
  const counter = real();
  await counter.count(aRun("warm"));
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns++;
    if (!isDone) setImmediate(turn);
  };
  turn();

  const worst = await counter.count(aRun("a".repeat(400_000)));
  isDone = true;

  expect(worst).toMatchObject({ status: "counted" });
  // A loop that is held up makes one turn or two in all that time.
  expect(turns).toBeGreaterThan(100);
});

test("one is on the thread, and the others wait their turn", async () => {
  const { threads, count } = scripted();
  const both = [count("one"), count("two")];
  await Promise.resolve();
  expect(threads.map(({ bodies }) => bodies)).toEqual([["one"]]);

  threads[0]?.listener.onUsage(USAGE);
  threads[0]?.listener.onUsage(undefined);

  expect(await Promise.all(both)).toEqual([
    { status: "counted", usage: USAGE },
    { status: "not_counted", reason: "nothing" },
  ]);
});

test("a thread that dies takes its run with it, and the next run gets a new one", async () => {
  const { threads, count } = scripted();
  const both = [count("poison"), count("two")];
  await Promise.resolve();

  threads[0]?.listener.onGone();
  await Promise.resolve();
  threads[1]?.listener.onUsage(USAGE);

  expect(await Promise.all(both)).toMatchObject([{ reason: "failed" }, { status: "counted" }]);
  expect(threads.map(({ bodies }) => bodies)).toEqual([["poison"], ["two"]]);
});

test("after three deaths in a row nothing is counted for half a minute", async () => {
  const { clock, threads, count } = scripted();
  for (const index of [0, 1, 2]) {
    const lost = count("poison");
    await Promise.resolve();
    threads[index]?.listener.onGone();
    expect(await lost).toMatchObject({ reason: "failed" });
  }

  expect(await count("later")).toMatchObject({ reason: "failed" });
  expect(threads).toHaveLength(3);
  await clock.advance(30_000);
  void count("again");
  expect(threads).toHaveLength(4);
});

test("a thread that cannot be started is one that died", async () => {
  const startThread = () => {
    throw new Error("no threads here");
  };
  const counter = new Counter({ clock: new ManualClock(), startThread });

  expect(await counter.count(aRun("Hi"))).toEqual({ status: "not_counted", reason: "failed" });
});

test("a run that takes too long is given up with its thread, and what waits behind it is counted", async () => {
  const { clock, threads, count } = scripted();
  const slow = count("slow");
  await clock.advance(1_000);
  const next = count("next");

  await clock.advance(4_000);
  threads[1]?.listener.onUsage(USAGE);

  expect(await slow).toEqual({ status: "not_counted", reason: "slow" });
  expect(await next).toMatchObject({ status: "counted" });
  expect(threads[0]?.isEnded).toBe(true);
});

test("a thread that is slow to start is not given up: only who cannot wait goes without", async () => {
  const { clock, threads, count } = scripted({ isReady: false });
  const first = count("first");
  await clock.advance(5_000);
  const second = count("second");

  threads[0]?.listener.onReady();
  threads[0]?.listener.onUsage(USAGE);

  expect(await first).toEqual({ status: "not_counted", reason: "slow" });
  expect(await second).toEqual({ status: "counted", usage: USAGE });
  expect(threads.map(({ bodies }) => bodies)).toEqual([["second"]]);
});

test("a thread that is not there after a minute is given up", async () => {
  const { clock, threads, count } = scripted({ isReady: false });
  void count("first");

  await clock.advance(60_000);

  expect(threads[0]?.isEnded).toBe(true);
  void count("second");
  expect(threads).toHaveLength(2);
});

test("what a thread says that was given up is nobody's", async () => {
  const { clock, threads, count } = scripted();
  void count("slow");
  await clock.advance(5_000);
  const next = count("next");

  threads[0]?.listener.onUsage({ ...USAGE, input: 99 });
  threads[0]?.listener.onGone();
  threads[1]?.listener.onUsage(USAGE);

  expect(await next).toEqual({ status: "counted", usage: USAGE });
});

test("a run of more than a megabyte is not counted, nor what would have to wait behind a second's work", async () => {
  const { count, counter } = scripted();
  expect(await counter.count(Buffer.alloc(1024 * 1024 + 1))).toMatchObject({ reason: "too_large" });

  for (let index = 0; index < 8; index++) void counter.count(Buffer.alloc(1024 * 1024));

  expect(await count("one more")).toMatchObject({ reason: "busy" });
});

test("no more than a thousand runs wait", async () => {
  const { count } = scripted();
  for (let index = 0; index < 1_024; index++) void count("x");

  expect(await count("one more")).toMatchObject({ reason: "busy" });
});

test("closing answers everybody, and nothing is counted after it", async () => {
  const { threads, counter, count } = scripted();
  const waiting = [count("one"), count("two")];

  await counter.close();

  expect(await Promise.all([...waiting, count("three")])).toEqual(
    Array(3).fill({ status: "not_counted", reason: "closed" }),
  );
  expect(threads[0]?.isEnded).toBe(true);
});
