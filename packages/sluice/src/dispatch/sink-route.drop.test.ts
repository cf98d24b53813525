import { expect, test } from "vitest";
import type { Delivery } from "../sinks/delivery.ts";
import { ids, stage } from "./route.test-support.ts";

const DOWN: Delivery = { status: "retry", reason: "503" };

test("the oldest events are dropped and counted, those in memory and those not read yet, and the rest is delivered", async () => {
  const setup = await stage({
    definition: { limits: { events: 4, bytes: 1e6 }, inFlight: 1, order: "none" },
  });
  setup.sink.answer = () => DOWN;
  await setup.append(...ids(100));
  await setup.clock.advance(20_000);
  expect(setup.route.status.state.name).toBe("waiting");

  expect(setup.route.dropOldest(90)).toBe(90);
  setup.sink.answer = () => ({ status: "delivered" });
  await setup.clock.advance(60_000);

  expect(setup.sink.taken).toEqual(ids(10, 90));
  expect(setup.route.status.balance).toMatchObject({
    accepted: 100,
    pending: 0,
    delivered: 10,
    dropped: { backlog_full: 90 },
  });
  await setup.route.close();
  expect(setup.clock.timers).toBe(0);
});

test("what is in flight is not dropped: its own answer counts", async () => {
  const setup = await stage({
    definition: { limits: { events: 4, bytes: 1e6 }, inFlight: 1, order: "none" },
  });
  const answer = Promise.withResolvers<Delivery>();
  setup.sink.answer = () => answer.promise;
  await setup.append(...ids(10));
  await setup.clock.advance(1_000);
  expect(setup.route.status.inFlight).toBe(1);

  expect(setup.route.dropOldest(8), "of ten four are in flight, and two are newer").toBe(4);
  await setup.route.sync();
  expect(setup.route.lowOffset).toBe(0);
  answer.resolve({ status: "delivered" });
  await setup.clock.advance(5_000);

  expect(setup.route.status.balance).toMatchObject({ delivered: 6, dropped: { backlog_full: 4 } });
  await setup.route.close();
});

test("what fails while it is to be dropped is not tried again, and the sink is waited for as ever", async () => {
  const setup = await stage({
    definition: { limits: { events: 4, bytes: 1e6 }, inFlight: 1, order: "none" },
  });
  const answer = Promise.withResolvers<Delivery>();
  setup.sink.answer = () => answer.promise;
  await setup.append(...ids(4));
  await setup.clock.advance(1_000);

  expect(setup.route.dropOldest(3)).toBe(0);
  setup.sink.answer = () => ({ status: "delivered" });
  answer.resolve(DOWN);
  await setup.clock.advance(500);

  expect(setup.route.status.state.name).toBe("waiting");
  expect(setup.route.status.balance).toMatchObject({ pending: 1, dropped: { backlog_full: 3 } });
  await setup.clock.advance(10_000);
  expect(setup.sink.taken).toEqual(["e3"]);
  await setup.route.close();
});

test("a batch that is bisected gives way between two requests", async () => {
  const setup = await stage({
    definition: { limits: { events: 64, bytes: 1e6, requestsPerSecond: 1 }, inFlight: 1, order: "none" },
  });
  setup.sink.answer = () => ({ status: "rejected", reason: "no" });
  await setup.append(...ids(64));
  await setup.clock.advance(3_500);
  expect(setup.route.status.inFlight).toBe(1);

  setup.route.dropOldest(60);
  await setup.clock.advance(2_000);
  await setup.route.sync();

  expect(setup.route.lowOffset).toBeGreaterThanOrEqual(60);
  await setup.route.close();
});

test("what waits for its next try is dropped as well, and frees its run", async () => {
  const setup = await stage({ definition: { order: "run", limits: { events: 8, bytes: 1e6 } } });
  setup.sink.answer = (batch) =>
    batch.length === 1 && batch[0]?.id === "bad/0"
      ? DOWN
      : {
          status: "mixed",
          each: batch.map(({ id }) => (id === "bad/0" ? DOWN : ({ status: "delivered" } as const))),
        };
  await setup.append("bad/0", "bad/1", "good/0");
  await setup.clock.advance(1_500);
  const { pending } = setup.route.status.balance;
  expect(pending, "the bad one and who stands behind it").toBeGreaterThan(0);

  expect(setup.route.dropOldest(1)).toBe(1);
  await setup.clock.advance(60_000);

  expect(setup.sink.taken).toContain("bad/1");
  expect(setup.route.status.balance).toMatchObject({ pending: 0, dropped: { backlog_full: 1 } });
  await setup.route.close();
});

test("drops survive a restart with the ledger, and nothing is counted twice (P2)", async () => {
  const setup = await stage();
  setup.sink.answer = () => DOWN;
  await setup.append(...ids(40));
  await setup.clock.advance(5_000);
  const dropped = setup.route.dropOldest(20);
  await setup.route.sync();

  await setup.crash();
  expect(setup.route.dropOldest(20)).toBe(0);
  setup.sink.answer = () => ({ status: "delivered" });
  await setup.clock.advance(120_000);

  expect(dropped).toBe(20);
  expect(setup.route.status.balance).toMatchObject({ delivered: 20, dropped: { backlog_full: 20 } });
  await setup.route.close();
});

test("a route that has failed lets go of what it had in hand as well (P12)", async () => {
  const setup = await stage({
    definition: { limits: { events: 4, bytes: 1e6 }, inFlight: 2, order: "none" },
  });
  setup.sink.answer = () => {
    throw new Error("a bug");
  };
  await setup.append(...ids(10));
  await setup.clock.advance(5_000);
  expect(setup.route.status.state.name).toBe("failed");

  expect(setup.route.dropOldest(9)).toBe(9);
  await setup.route.sync();

  expect(setup.route.lowOffset).toBe(9);
  expect(setup.route.status.balance).toMatchObject({ pending: 1, dropped: { backlog_full: 9 } });
  await setup.route.close();
});
