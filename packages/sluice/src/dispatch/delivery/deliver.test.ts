import { expect, test } from "vitest";
import type { Delivery } from "../../sinks/delivery.ts";
import { ids, record, type Stage, stage, textOf } from "../route.test-support.ts";

const path = "/deadletters/hooks.jsonl";
const letters = ({ disk }: Stage) =>
  textOf(disk, path)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

function refusing(bad: readonly string[], status: "rejected" | "tooLarge" = "rejected") {
  return (batch: readonly { readonly id: string }[]): Delivery =>
    batch.some(({ id }) => bad.includes(id)) ? { status, reason: "no good" } : { status: "delivered" };
}

test.each([
  [500, [0]],
  [500, [499]],
  [500, [250]],
  [32, [31]],
  [32, [3, 4]],
  [32, [0, 13, 31]],
  [64, [7, 8, 9, 40, 63]],
  [1, [0]],
])(
  "among %i events the bad ones %j cost at most k·(log2 n + 2) requests more, and nothing else is lost (T50)",
  async (n, bad) => {
    const setup = await stage({ definition: { limits: { events: n, bytes: 1e6 }, inFlight: 1 } });
    const badIds = bad.map((index) => `e${index}`);
    setup.sink.answer = refusing(badIds);

    await setup.append(...ids(n));
    await setup.clock.advance(1_000);

    const extra = setup.sink.requests.length - 1;
    expect(extra).toBeLessThanOrEqual(bad.length * (Math.ceil(Math.log2(n)) + 2));
    expect(setup.sink.taken).toEqual(ids(n).filter((id) => !badIds.includes(id)));
    expect(letters(setup).map(({ id }) => id)).toEqual(badIds);
    expect(setup.route.status.balance).toMatchObject({
      pending: 0,
      delivered: n - bad.length,
      deadLettered: bad.length,
    });
    await setup.route.close();
  },
);

test.each([0, 1, 249, 250, 317, 499])(
  "one event of 500 that is too large, at %i, costs few requests, and the rest go as if it had not been there (T50)",
  async (place) => {
    const setup = await stage({ definition: { limits: { events: 500, bytes: 1e6 }, inFlight: 1 } });
    setup.sink.answer = refusing([`e${place}`], "tooLarge");

    await setup.append(...ids(500));
    await setup.clock.advance(1_000);

    expect(setup.sink.requests.length - 1).toBeLessThanOrEqual(9 + 4);
    expect(setup.sink.taken).toEqual(ids(500).filter((id) => id !== `e${place}`));
    expect(letters(setup).map(({ id, reason }) => [id, reason])).toEqual([[`e${place}`, "too_large"]]);
    await setup.route.close();
  },
);

test("a dead letter keeps the event as it was, the sink's words, and how often it was tried", async () => {
  const setup = await stage();
  setup.sink.answer = () => ({ status: "rejected", reason: `no good: ${"ä".repeat(3_000)}` });

  await setup.spool.append([record("x", { kind: "run.started", runId: "r1" })]);
  await setup.clock.advance(1_000);

  const [letter] = letters(setup);
  expect(letter).toMatchObject({
    offset: 0,
    id: "x",
    kind: "run.started",
    runId: "r1",
    sink: "hooks",
    reason: "rejected",
  });
  expect(letter.event).toEqual({
    id: "x",
    kind: "run.started",
    time: "2026-01-01T00:00:00.000Z",
    runId: "r1",
  });
  expect(letter.attempts).toBe(1);
  expect(Buffer.byteLength(letter.words)).toBeLessThanOrEqual(2_048);
  expect(letter.at).toBe(new Date(setup.clock.nowMs()).toISOString());
  await setup.route.close();
});

test("a batch that is too large is halved; an event that never fits is a dead letter", async () => {
  const setup = await stage({ definition: { limits: { events: 32, bytes: 1e6 }, inFlight: 1 } });
  setup.sink.answer = (batch) =>
    batch.length > 10 || batch.some(({ id }) => id === "e20")
      ? { status: "tooLarge", reason: "413" }
      : { status: "delivered" };

  await setup.append(...ids(32));
  await setup.clock.advance(1_000);

  expect(letters(setup).map(({ id, reason }) => [id, reason])).toEqual([["e20", "too_large"]]);
  expect(setup.sink.taken.length).toBe(31);
  await setup.route.close();
});

test("a backend that only counts: all settle, the count is dead, and one letter lists them all", async () => {
  const setup = await stage();
  setup.sink.script({ status: "partly", rejected: 2, reason: "two spans dropped" });

  await setup.append(...ids(32));
  await setup.clock.advance(1_000);

  expect(letters(setup)).toMatchObject([
    { count: 2, ids: ids(32), reason: "partly", words: "two spans dropped" },
  ]);
  expect(setup.route.status.balance).toMatchObject({ pending: 0, delivered: 30, deadLettered: 2 });
  await setup.route.close();
});

test("the rest of a run follows its dead start, now and after a restart", async () => {
  const setup = await stage();
  setup.sink.answer = refusing(["s"]);
  await setup.spool.append([
    record("s", { kind: "run.started", runId: "r1" }),
    record("other"),
    record("t", { kind: "tool.called", runId: "r1" }),
  ]);
  await setup.clock.advance(1_000);
  await setup.spool.append([record("u", { kind: "tool.called", runId: "r1" })]);
  await setup.clock.advance(1_000);

  await setup.crash();
  await setup.spool.append([record("e", { kind: "run.ended", runId: "r1" }), record("last")]);
  await setup.clock.advance(1_000);

  expect(setup.sink.taken).toEqual(["other", "last"]);
  expect(letters(setup).map(({ id, reason }) => [id, reason])).toEqual([
    ["s", "rejected"],
    ["t", "follows"],
    ["u", "follows"],
    ["e", "follows"],
  ]);
  await setup.route.close();
});

test("a body that is no event is a dead letter once the sink asks for it, and holds up nothing", async () => {
  const setup = await stage();
  await setup.spool.append([record("a"), record("b", { body: Buffer.from("{nonsense") }), record("c")]);

  await setup.clock.advance(1_000);

  expect(setup.sink.taken).toEqual(["a", "c"]);
  expect(letters(setup)).toMatchObject([
    { offset: 1, id: null, reason: "undecodable", eventBase64: Buffer.from("{nonsense").toString("base64") },
  ]);
  expect(setup.route.status.state.name).toBe("running");
  await setup.route.close();
});

const broken: Delivery = { status: "retry", reason: "500" };
const poisoned =
  (bad: string) =>
  (batch: readonly { readonly id: string }[]): Delivery =>
    batch.some(({ id }) => id === bad) ? broken : { status: "delivered" };

test.each([1, 4])(
  "an event that makes the backend fail is found, set aside, and in the end a dead letter, with %i in flight",
  async (inFlight) => {
    const setup = await stage({ definition: { inFlight, order: "trace" } });
    setup.sink.answer = poisoned("e5");

    await setup.append(...ids(96));
    await setup.clock.advance(10_000);
    const afterTenSeconds = setup.route.status.balance;
    for (let turn = 0; turn < 40; turn++) {
      await setup.append(`later${turn}`);
      await setup.clock.advance(30_000);
    }

    expect(afterTenSeconds).toMatchObject({ delivered: 95, pending: 1, deadLettered: 0 });
    expect(letters(setup).map(({ id, reason }) => [id, reason])).toEqual([["e5", "poison"]]);
    expect(setup.route.status.balance).toMatchObject({ pending: 0, delivered: 95 + 40 });
    await setup.route.close();
  },
);

test("a poisoned event at the head of a route that sends one at a time holds up no other", async () => {
  const setup = await stage({ definition: { limits: { events: 1, bytes: 1e6 }, inFlight: 1 } });
  setup.sink.answer = poisoned("e0");

  await setup.append(...ids(20));
  await setup.clock.advance(10_000);

  expect(setup.sink.taken).toEqual(ids(19, 1));
  expect(setup.route.status.balance).toMatchObject({ pending: 1, deadLettered: 0 });
  await setup.route.close();
});

test("an event that fails alone is no poison while nothing else gets through", async () => {
  const setup = await stage();
  setup.sink.answer = poisoned("only");

  await setup.append("only");
  await setup.clock.advance(7 * 86_400_000);

  expect(setup.route.status.balance).toMatchObject({ pending: 1, deadLettered: 0 });
  await setup.route.close();
});

test("an outage never makes poison of an event that was under suspicion before", async () => {
  const setup = await stage({ definition: { order: "trace" } });
  setup.sink.answer = poisoned("e5");
  await setup.append(...ids(96));
  await setup.clock.advance(10_000);

  setup.sink.answer = () => broken;
  await setup.append(...ids(96, 100));
  await setup.clock.advance(86_400_000);

  expect(setup.route.status.balance).toMatchObject({ delivered: 95, pending: 97, deadLettered: 0 });
  await setup.route.close();
});

test("while an event is set aside, the rest of its run stands behind it, even in one batch", async () => {
  const setup = await stage({ definition: { limits: { events: 8, bytes: 1e6 }, inFlight: 2 } });
  setup.sink.answer = poisoned("bad/1");

  await setup.append("bad/1", "ok/1", "bad/2", "ok/2", "bad/3", "ok/3", "ok/4", "ok/5");
  await setup.append(...ids(8));
  await setup.clock.advance(10_000);

  expect(setup.sink.taken.filter((id) => id.startsWith("bad"))).toEqual([]);
  expect(setup.sink.taken.length).toBe(8 + 5);
  setup.sink.answer = () => ({ status: "delivered" });
  await setup.clock.advance(30_000);
  expect(setup.sink.taken.filter((id) => id.startsWith("bad"))).toEqual(["bad/1", "bad/2", "bad/3"]);
  await setup.route.close();
});
