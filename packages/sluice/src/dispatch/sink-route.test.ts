import { expect, test } from "vitest";
import type { Delivery } from "../sinks/delivery.ts";
import { FLAG_PARTIAL } from "../spool/spool.ts";
import { assertBalance } from "./balance.ts";
import { ids, record, stage } from "./route.test-support.ts";

const down: Delivery = { status: "retry", reason: "connection refused" };
const noJitter = { seriesBackoffMs: 0 };

test("a full batch goes at once, and the rest when it is a second old", async () => {
  const { route, sink, clock, append } = await stage();

  await append(...ids(40));
  await clock.advance(999);
  const early = sink.requests.map((request) => request.ids.length);
  await clock.advance(1);

  expect(early).toEqual([32]);
  expect(sink.requests.map((request) => request.ids.length)).toEqual([32, 8]);
  expect(route.status.balance).toMatchObject({ accepted: 40, pending: 0, delivered: 40 });
  await route.close();
});

test("a batch never carries more bytes than the sink takes, and one large event goes alone", async () => {
  const { route, sink, clock, spool } = await stage({ definition: { limits: { events: 32, bytes: 300 } } });
  const big = record("big", {
    body: Buffer.from(JSON.stringify({ id: "big", kind: "x", pad: "x".repeat(400) })),
  });

  await spool.append([record("a"), record("b"), record("c"), record("d"), big, record("e")]);
  await clock.advance(2_000);

  expect(sink.requests.map((request) => request.ids)).toEqual([["a", "b", "c", "d"], ["big"], ["e"]]);
  await route.close();
});

test("what a sink does not map and what is partial is counted as skipped, undecoded and unsent", async () => {
  const { route, sink, clock, spool } = await stage({
    definition: { skips: (kindCode) => (kindCode === 3 ? "tool_call" : undefined) },
  });
  const nonsense = Buffer.from("no event at all");

  await spool.append([
    record("t", { kind: "tool.called", body: nonsense }),
    record("p", { flags: FLAG_PARTIAL, body: nonsense }),
    record("a"),
  ]);
  await clock.advance(1_000);

  expect(sink.taken).toEqual(["a"]);
  expect(route.status.balance.skipped).toEqual({ tool_call: 1, partial: 1 });
  await route.close();
});

test("an event of a keyless kind waits without holding up what is behind it in its run", async () => {
  const SCORED = 4;
  const { route, sink, clock, spool } = await stage({
    definition: {
      order: "run",
      isKeyless: (kindCode) => kindCode === SCORED,
      limits: { events: 2, bytes: 1e6 },
    },
  });
  const scores = ["s1", "s2"].map((id) => record(id, { kind: "run.scored", runId: `of-${id}` }));
  sink.script({
    status: "mixed",
    each: scores.map(() => ({ status: "retry", reason: "no run yet", retryAfterMs: 9_000 })),
  });

  await spool.append([...scores, record("e1", { runId: "of-s1" }), record("e2", { runId: "of-s2" })]);
  await clock.advance(1_000);
  const early = [...sink.taken];
  await clock.advance(9_000);

  expect(early).toEqual(["e1", "e2"]);
  expect(sink.taken).toEqual(["e1", "e2", "s1", "s2"]);
  await route.close();
});

test("a route waits as long as the backend asks, then tries one event, then goes on", async () => {
  const { route, sink, clock, append, states } = await stage();
  sink.script({ status: "retry", reason: "429", retryAfterMs: 7_000 });

  await append(...ids(32));
  const state = route.status.state;
  await clock.advance(6_999);
  const before = sink.requests.length;
  await clock.advance(1);

  expect(state).toEqual({ name: "waiting", untilMs: clock.nowMs(), attempt: 1, reason: "429" });
  expect(before).toBe(1);
  expect(sink.requests.map((request) => request.ids.length)).toEqual([32, 1, 31]);
  expect(states).toEqual(["healthy", "degraded", "probing", "healthy"]);
  await route.close();
});

test("an outage of a day dead-letters nothing, costs a request each 30 s, and drains after", async () => {
  const { route, sink, clock, append } = await stage({ figures: noJitter });
  sink.answer = () => down;

  await append(...ids(100));
  await clock.advance(60_000);
  const atOneMinute = sink.requests.length;
  await clock.advance(86_400_000 - 60_000);
  const atOneDay = sink.requests.length;
  expect(route.status).toMatchObject({ health: { name: "unavailable" }, lag: 100 });
  sink.answer = () => ({ status: "delivered" });
  await clock.advance(61_000);

  expect(atOneMinute).toBeLessThanOrEqual(3 * 4 + 6);
  expect(atOneDay - atOneMinute).toBeLessThanOrEqual(86_340 / 30);
  expect(route.status.balance).toMatchObject({ pending: 0, delivered: 100, deadLettered: 0 });
  expect(new Set(sink.taken).size).toBe(100);
  await route.close();
});

test("a bad key pauses the route, burns nothing, is probed each minute, drains when mended (T53)", async () => {
  const { route, sink, clock, append } = await stage();
  sink.answer = () => ({ status: "blocked", reason: "401 Unauthorized" });

  await append(...ids(64));
  await clock.advance(600_000);
  const requests = sink.requests.length;
  expect(route.status).toMatchObject({ state: { name: "paused", reason: "401 Unauthorized" }, lag: 64 });
  sink.answer = () => ({ status: "delivered" });
  route.wake();
  await clock.advance(1_000);

  expect(requests).toBeLessThanOrEqual(2 + 10);
  expect(sink.requests.slice(2, requests).every((request) => request.ids.length === 1)).toBe(true);
  expect(route.status.balance).toMatchObject({ pending: 0, delivered: 64, deadLettered: 0 });
  await route.close();
});

test("an item that the backend would not take waits with its run while others go on", async () => {
  const { route, sink, clock, append } = await stage();
  sink.script({
    status: "mixed",
    each: [{ status: "retry", reason: "busy" }, { status: "delivered" }],
  });

  await append("a/1", "b/1");
  await clock.advance(1_000);
  await append("a/2", "b/2");
  await clock.advance(999);
  const meanwhile = [...sink.taken];
  await clock.advance(1_001);

  expect(meanwhile).toEqual(["b/1"]);
  expect(sink.taken).toEqual(["b/1", "a/1", "a/2", "b/2"]);
  expect(route.status.state).toEqual({ name: "running" });
  await route.close();
});

test("an event that is told its own time waits alone: the sink is well, others go on, its run comes with it", async () => {
  const { route, sink, clock, append } = await stage();
  sink.answer = (batch) => ({
    status: "mixed",
    each: batch.map(({ id }) =>
      id === "a/1" && clock.monotonicMs() < 5_000
        ? { status: "retry", reason: "its run is not there yet", retryAfterMs: 3_000 }
        : { status: "delivered" },
    ),
  });

  await append("a/1");
  await clock.advance(1_000);
  await append("a/2", "b/1");
  await clock.advance(1_000);
  const meanwhile = { state: route.status.state, taken: [...sink.taken] };
  await clock.advance(9_000);

  expect(meanwhile).toEqual({ state: { name: "running" }, taken: ["b/1"] });
  expect(sink.taken).toEqual(["b/1", "a/2", "a/1"]);
  expect(route.status.balance).toMatchObject({ pending: 0, delivered: 3, deadLettered: 0 });
  await route.close();
});

test("at most inFlight batches are on their way, and a run is in at most one of them", async () => {
  const { route, sink, clock, append } = await stage({
    definition: { limits: { events: 2, bytes: 1e6 }, inFlight: 3 },
  });
  const open: (() => void)[] = [];
  let most = 0;
  const runsOnTheWay: string[] = [];
  sink.answer = async (batch) => {
    const runs = [...new Set(batch.map(({ event }) => event.runId ?? ""))];
    for (const run of runs) expect(runsOnTheWay).not.toContain(run);
    runsOnTheWay.push(...runs);
    await new Promise<void>((resolve) => {
      open.push(resolve);
      most = Math.max(most, open.length);
    });
    for (const run of runs) runsOnTheWay.splice(runsOnTheWay.indexOf(run), 1);
    return { status: "delivered" };
  };

  await append(...Array.from({ length: 40 }, (_, index) => `r${index % 7}/${index}`));
  for (let turn = 0; turn < 60; turn++) {
    open.shift()?.();
    await clock.advance(200);
  }

  expect(most).toBe(3);
  expect(sink.taken.length).toBe(40);
  for (let run = 0; run < 7; run++) {
    const ofRun = sink.taken.filter((id) => id.startsWith(`r${run}/`)).map((id) => Number(id.split("/")[1]));
    expect(ofRun).toEqual([...ofRun].sort((a, b) => a - b));
  }
  await route.close();
});

test("requests per second are kept, retries and bisections included", async () => {
  const { route, sink, clock, append } = await stage({
    definition: { limits: { events: 4, bytes: 1e6, requestsPerSecond: 2 } },
  });
  sink.answer = (batch) =>
    batch.some(({ id }) => id === "e5") ? { status: "rejected", reason: "no" } : { status: "delivered" };

  await append(...ids(16));
  await clock.advance(20_000);

  const times = sink.requests.map(({ atMs }) => atMs);
  for (const [index, atMs] of times.entries())
    if (index > 0) expect(atMs - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(500);
  expect(route.status.balance).toMatchObject({ delivered: 15, deadLettered: 1 });
  await route.close();
});

test("a sink that throws fails its route, which keeps its backlog and says so", async () => {
  const { route, sink, clock, append } = await stage();
  sink.answer = () => {
    throw new TypeError("a bug");
  };

  await append(...ids(32));
  await clock.advance(100_000);

  expect(route.status).toMatchObject({
    state: { name: "failed", reason: "a bug" },
    health: { name: "failed" },
    lag: 32,
  });
  expect(sink.requests.length).toBe(1);
  await route.close();
});

test("a sink that never answers is given up after its time, and its events are tried again", async () => {
  const { route, sink, clock, append } = await stage({ figures: { ...noJitter, sendTimeoutMs: 5_000 } });
  const never = () => new Promise<Delivery>(() => undefined);
  sink.answer = (_, signal) =>
    sink.requests.length === 1 ? never() : signal.aborted ? down : { status: "delivered" };

  await append(...ids(32));
  await clock.advance(5_999);
  expect(sink.requests[0]?.signal.aborted).toBe(true);
  await clock.advance(1);

  expect(sink.requests.length).toBe(2);
  expect(route.status.balance.delivered).toBe(32);
  await route.close();
});

test("offsets that are damaged are dropped, counted, and hold up nothing", async () => {
  const { route, sink, clock, spool } = await stage();
  spool.damage();
  const records = ids(10).map((id) => record(id));
  const appended = spool.append(records);
  spool.damage(0, 1);
  await appended;
  spool.damage(3, 4, 5);
  await clock.advance(1_000);

  assertBalance(route.status.balance);
  expect(route.status.balance.pending).toBe(0);
  expect(route.status.balance.delivered + (route.status.balance.dropped.damaged ?? 0)).toBe(10);
  expect(sink.taken.length).toBe(route.status.balance.delivered);
  await route.close();
});
