import { expect, test } from "vitest";
import type { Delivery } from "../sinks/delivery.ts";
import { assertBalance } from "./balance.ts";
import { ids, stage } from "./route.test-support.ts";

const patient = () => new AbortController();

test("a drain sends what was accepted at once, and leaves a durable ledger (P10)", async () => {
  const { route, sink, append, spool } = await stage();
  await append(...ids(40));

  await route.drain(patient().signal);

  expect(sink.taken.length).toBe(40);
  expect(route.status).toMatchObject({ state: { name: "draining" }, inFlight: 0, lag: 0 });
  expect(spool.commits.at(-1)?.durable).toBe(true);
  await route.close();
  expect(route.status.state).toEqual({ name: "closed" });
});

test("a drain waits for a slow sink, but not for what is accepted after it began", async () => {
  const { route, sink, append, clock } = await stage({
    definition: { limits: { events: 4, bytes: 1e6 }, inFlight: 1 },
  });
  const open: (() => void)[] = [];
  sink.answer = () => new Promise<Delivery>((resolve) => open.push(() => resolve({ status: "delivered" })));
  await append(...ids(8));

  let isDrained = false;
  const draining = route.drain(patient().signal).then(() => {
    isDrained = true;
  });
  await append(...ids(4, 8));
  open.shift()?.();
  await clock.advance(10);
  expect(isDrained).toBe(false);
  open.shift()?.();
  await clock.advance(10);
  await draining;

  expect(sink.taken).toEqual(ids(8));
  expect(route.status.balance).toMatchObject({ accepted: 12, delivered: 8, pending: 4 });
  await route.close();
});

test("a drain ends within a second of its patience, however the sink hangs (T24)", async () => {
  const { route, sink, append, clock, crash, ...setup } = await stage();
  sink.answer = () => new Promise<Delivery>(() => undefined);
  await append(...ids(100));
  const grace = patient();

  const draining = route.drain(grace.signal);
  await clock.advance(10_000);
  grace.abort();
  await clock.advance(1_000);
  await draining;

  assertBalance(route.status.balance);
  expect(route.status.balance).toMatchObject({ pending: 100, delivered: 0 });
  expect(sink.requests.every(({ signal }) => signal.aborted)).toBe(true);
  await route.close();
  sink.answer = () => ({ status: "delivered" });
  await crash();
  await clock.advance(2_000);
  expect(new Set(sink.taken).size).toBe(100);
  await setup.spool.close();
});

test("a route that waits or is paused does not hold up the shutdown", async () => {
  for (const delivery of [
    { status: "blocked", reason: "401" },
    { status: "retry", reason: "429", retryAfterMs: 60_000 },
  ] satisfies Delivery[]) {
    const { route, sink, append } = await stage();
    sink.answer = () => delivery;
    await append(...ids(32));

    await route.drain(patient().signal);

    expect(route.status.balance.pending).toBe(32);
    await route.close();
  }
});

test("closing breaks off what is on its way, twice is fine, and no timer is left", async () => {
  const { route, sink, append, clock } = await stage();
  sink.answer = () => new Promise<Delivery>(() => undefined);
  await append(...ids(33));

  const closing = Promise.all([route.close(), route.close()]);
  await clock.advance(1_000);
  await closing;

  expect(route.status.state).toEqual({ name: "closed" });
  expect(clock.timers).toBe(0);
});
