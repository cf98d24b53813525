import { expect, test, vi } from "vitest";
import type { Delivery } from "../sinks/delivery.ts";
import { assertBalance } from "./balance.ts";
import { openIdleRoute } from "./idle-route.ts";
import { ids, PLACE, record, stage, textOf } from "./route.test-support.ts";

test("after a crash a route goes on at its last ledger, duplicates at worst (T15)", async () => {
  const { sink, clock, append, crash, ...setup } = await stage({
    definition: { limits: { events: 4, bytes: 1e6 } },
  });
  await append(...ids(8));
  await clock.advance(200);
  await append(...ids(4, 8));

  await crash();
  await append(...ids(4, 12));

  expect(new Set(sink.taken)).toEqual(new Set(ids(16)));
  expect(sink.taken.length).toBe(16 + 4);
  expect(setup.spool.commits.at(-1)?.durable).toBe(false);
});

test("a ledger is stored at most every 200 ms, synced within 10 s, and left alone while nothing changes (P1)", async () => {
  const { clock, append, spool } = await stage({
    definition: { limits: { events: 32, bytes: 1e6, ageMs: 0 } },
  });

  for (let turn = 0; turn < 100; turn++) {
    await append(`e${turn}`);
    await clock.advance(20);
  }
  await clock.advance(60_000);

  const unsynced = spool.commits.filter(({ durable }) => !durable);
  expect(unsynced.length).toBeGreaterThanOrEqual(9);
  expect(unsynced.length).toBeLessThanOrEqual(11);
  expect(spool.commits.at(-1)).toEqual({ ...unsynced.at(-1), durable: true });
});

test("however fast batches end, a crash costs no more duplicates than may be in flight (P1, T01)", async () => {
  const bound = 2 * 8;
  const { sink, append, crash } = await stage({
    definition: { limits: { events: 8, bytes: 1e6, ageMs: 0 }, inFlight: 2 },
  });

  // The clock stands still: no ledger is stored because of its age.
  await append(...ids(200));
  await vi.waitFor(() => expect(sink.taken).toHaveLength(200));
  await crash();
  await vi.waitFor(() => expect(sink.taken.length).toBeGreaterThanOrEqual(200));
  await append("one more");
  await vi.waitFor(() => expect(sink.taken).toContain("one more"));

  expect(sink.taken.length).toBeLessThanOrEqual(200 + bound + 1);
  expect(new Set(sink.taken).size).toBe(201);
});

test.each([
  ["missing", undefined],
  ["empty", new Uint8Array(0)],
  ["nonsense", Buffer.from("SLLG and then something else that is long enough to be looked at")],
])(
  "a ledger that is %s starts the route at its first offset, with a balance that holds (T15)",
  async (_, bytes) => {
    const setup = await stage();
    await setup.append(...ids(32));
    await setup.clock.advance(1_000);

    if (bytes) setup.spool.ledgers.set("hooks", { bytes, durable: true });
    else setup.spool.ledgers.delete("hooks");
    await setup.crash();
    await setup.clock.advance(1_000);

    assertBalance(setup.route.status.balance);
    expect(setup.route.status.balance).toMatchObject({ accepted: 32, delivered: 32, pending: 0 });
    expect(setup.sink.taken.length).toBe(64);
    await setup.route.close();
  },
);

test("waiting events keep their schedule over a restart, but no clock makes it over a minute (P14)", async () => {
  const setup = await stage({ definition: { order: "none" } });
  const busy: Delivery = {
    status: "mixed",
    each: [{ status: "retry", reason: "busy", retryAfterMs: 60_000 }, { status: "delivered" }],
  };
  setup.sink.script(busy);
  await setup.append("a", "b");
  await setup.clock.advance(2_000);
  setup.clock.jump(-5 * 365 * 86_400_000);

  await setup.crash();
  await setup.clock.advance(59_000);
  const early = [...setup.sink.taken];
  await setup.clock.advance(2_000);

  expect(early).toEqual(["b"]);
  expect(setup.sink.taken).toEqual(["b", "a"]);
  await setup.route.close();
});

test("a dead letter that was written before a crash is not sent and not written again", async () => {
  const setup = await stage();
  setup.sink.answer = () => ({ status: "rejected", reason: "no" });
  await setup.append("a");
  await setup.clock.advance(1_000);
  setup.spool.ledgers.delete("hooks");
  setup.sink.answer = () => ({ status: "delivered" });

  await setup.crash();
  await setup.append("b");
  await setup.clock.advance(1_000);

  expect(setup.sink.taken).toEqual(["b"]);
  expect(textOf(setup.disk, "/deadletters/hooks.jsonl").split("\n").length).toBe(2);
  expect(setup.route.status.balance).toMatchObject({ delivered: 1, deadLettered: 1, pending: 0 });
  await setup.route.close();
});

test("a group letter that was written before a crash settles the same number again", async () => {
  const setup = await stage();
  setup.sink.script({ status: "partly", rejected: 3, reason: "three" });
  await setup.append(...ids(32));
  setup.spool.ledgers.delete("hooks");

  await setup.crash();
  await setup.clock.advance(1_000);

  expect(setup.sink.requests.length).toBe(1);
  expect(setup.route.status.balance).toMatchObject({ delivered: 29, deadLettered: 3, pending: 0 });
  await setup.route.close();
});

test("a dead letter makes the ledger durable, and only durable ledgers allow trimming", async () => {
  const setup = await stage();
  await setup.append(...ids(32));
  await setup.clock.advance(300);
  const afterDelivery = setup.route.lowOffset;
  setup.sink.script({ status: "rejected", reason: "no" });
  await setup.append("bad");
  await setup.clock.advance(1_000);

  expect(afterDelivery).toBe(0);
  expect(setup.route.lowOffset).toBe(33);
  await setup.append(...ids(32, 100));
  expect(setup.route.lowOffset).toBe(33);
  expect(await setup.route.sync()).toBe(true);
  expect(setup.route.lowOffset).toBe(65);
  await setup.route.close();
});

test("a route whose lease is taken stops, and never writes over the other's ledger", async () => {
  const setup = await stage();
  await setup.append(...ids(3));

  const taken = await setup.spool.lease("hooks", 0);
  await setup.spool.commit(taken, Buffer.from("theirs"), true);
  await setup.clock.advance(5_000);
  await setup.route.close();

  expect(setup.sink.requests.length).toBe(0);
  expect(setup.states).toContain("failed");
  expect(Buffer.from(setup.spool.ledgers.get("hooks")?.bytes ?? []).toString()).toBe("theirs");
});

test("a run that waits lets others pass until the ledger's exceptions are used up", async () => {
  const setup = await stage({ figures: { exceptionsMax: 100 } });
  setup.sink.answer = (batch) => ({
    status: "mixed",
    each: batch.map(({ event }) =>
      event.runId === "stuck" ? { status: "retry", reason: "busy" } : { status: "delivered" },
    ),
  });

  // Settled and waiting events alternate, so that every settled one is a range of its own.
  for (let index = 0; index < 300; index++) {
    await setup.spool.append([record(`s${index}`, { runId: "stuck" }), record(`f${index}`)]);
  }
  await setup.clock.advance(20_000);

  const { lag } = setup.route.status;
  expect(lag).toBeGreaterThan(450);
  expect(setup.sink.taken.length).toBeGreaterThan(40);
  expect(setup.sink.taken.length).toBeLessThanOrEqual(101);
  setup.sink.answer = () => ({ status: "delivered" });
  setup.route.wake();
  await setup.clock.advance(5_000);
  expect(setup.route.status.balance).toMatchObject({ pending: 0, delivered: 600 });
  await setup.route.close();
});

test("a detached route shows its backlog and holds retention at its low offset", async () => {
  const setup = await stage();
  await setup.append(...ids(32));
  await setup.clock.advance(1_000);
  await setup.route.close();
  await setup.spool.append([record("more")]);

  const entry = { name: "hooks", type: "scripted", fingerprint: "", firstOffset: 0, place: PLACE };
  const idle = await openIdleRoute({
    spool: setup.spool,
    entry,
    reason: "detached",
    clock: setup.clock,
    warn() {},
  });

  expect(idle.lowOffset).toBe(32);
  expect(idle.status.balance).toMatchObject({ accepted: 33, pending: 1, delivered: 32 });
});

test("large events that wait do not keep small ones from passing", async () => {
  const setup = await stage({
    figures: { readAheadBytes: 1_000 },
    definition: { order: "none", limits: { events: 4, bytes: 1_000 } },
  });
  const body = (id: string) => Buffer.from(JSON.stringify({ id, kind: "x", pad: "x".repeat(600) }));
  setup.sink.answer = (batch) =>
    batch.some(({ id }) => id.startsWith("big"))
      ? { status: "retry", reason: "500" }
      : { status: "delivered" };

  await setup.spool.append([
    record("a"),
    record("b"),
    record("big1", { body: body("big1") }),
    record("big2", { body: body("big2") }),
  ]);
  await setup.clock.advance(1_000);
  await setup.append(...ids(40));
  await setup.clock.advance(600_000);

  expect(setup.sink.taken.length).toBe(42);
  expect(setup.route.status.balance).toMatchObject({ pending: 2, delivered: 42 });
  await setup.route.close();
});

test.each([2 * 365, -2 * 365])(
  "a sink that is waited for is tried when it would have been, though the wall clock steps by %d days (P14, T60)",
  async (days) => {
    const setup = await stage();
    setup.sink.answer = () => ({ status: "retry", reason: "down" });
    await setup.append("a");
    await setup.clock.advance(10_000);
    const triesBefore = setup.sink.requests.length;

    setup.clock.jump(days * 86_400_000);
    await setup.clock.advance(0);
    expect(setup.sink.requests.length, "at once").toBe(triesBefore);
    await setup.clock.advance(30_000);

    expect(setup.sink.requests.length).toBeGreaterThan(triesBefore);
    expect(setup.sink.requests.length - triesBefore).toBeLessThanOrEqual(4);
    expect(setup.route.status.oldestAgeMs).toBeGreaterThanOrEqual(0);
    await setup.route.close();
  },
);
