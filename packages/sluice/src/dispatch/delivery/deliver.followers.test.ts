import { expect, test } from "vitest";
import type { NewRecord } from "../../spool/spool.ts";
import { record, stage } from "../route.test-support.ts";

test("followers whose dead letters cannot be written cost no other event of the batch", async () => {
  const setup = await stage({ definition: { limits: { events: 8, bytes: 1e6 }, inFlight: 1 } });
  const opens = { id: "s", more: { kind: "run.started", runId: "r1" } } as const;
  setup.sink.answer = (batch) =>
    batch.some(({ id }) => id === "s") ? { status: "rejected", reason: "no" } : { status: "delivered" };
  await setup.spool.append([record(opens.id, opens.more)]);
  await setup.clock.advance(1_000);
  setup.fault = ({ operation }) => (operation === "sync" ? { code: "EIO" } : undefined);
  const of = (id: string, runId: string): NewRecord => record(id, { runId });
  await setup.spool.append([of("f1", "r1"), of("f2", "r1"), of("a", "r2"), of("b", "r3")]);
  await setup.clock.advance(1_000);
  setup.fault = undefined;
  await setup.clock.advance(120_000);
  expect(setup.route.status.state).toEqual({ name: "running" });
  expect(setup.sink.taken).toEqual(["a", "b"]);
  expect(setup.route.status.balance).toMatchObject({ pending: 0, delivered: 2, deadLettered: 3 });
  await setup.route.close();
});
