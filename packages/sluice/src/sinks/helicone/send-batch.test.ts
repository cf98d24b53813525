import { expect, test } from "vitest";
import { outgoing } from "../../testing/outgoing.ts";
import { requestIdOf } from "./meta.ts";
import { ended, forever, RUN, scored, setUp } from "./rig.test-support.ts";

const batchOf = (count: number) =>
  Array.from({ length: count }, (_, index) => outgoing(ended({}, { runId: `run ${index}` })));

test("a score that stands before its run in a batch is sent after it", async () => {
  const { server, sink } = await setUp();

  const delivery = await sink.send([outgoing(scored({ thumb: "up" })), outgoing(ended())], forever);

  expect(delivery).toMatchObject({ status: "delivered" });
  expect(server.feedback.get(requestIdOf(RUN))).toBe(true);
});

test("each event has its own outcome: a bad record or an early score costs its neighbours nothing", async () => {
  const { server, sink } = await setUp();
  const early = outgoing({ ...scored({ thumb: "up" }), runId: "unknown" });
  const large = outgoing(ended({ request: { input: "x".repeat(10 * 1024 * 1024) } }, { runId: "large" }));
  const wrong = outgoing(ended({}, { runId: "wrong" }));
  server.choose(({ body }) =>
    body.includes(requestIdOf("wrong")) ? { status: 400, body: { error: "no" } } : "pass",
  );

  const delivery = await sink.send([...batchOf(2), early, large, wrong, outgoing(ended())], forever);

  expect(delivery.status === "mixed" && delivery.each).toMatchObject([
    { status: "delivered" },
    { status: "delivered" },
    { status: "retry", retryAfterMs: 3_000 },
    { status: "rejected" },
    { status: "rejected", reason: 'HTTP 400: {"error":"no"}' },
    { status: "delivered" },
  ]);
});

test("a server that is down is asked once for a batch, and one that blocks stops the rest of it", async () => {
  const { server, sink } = await setUp();

  server.script({ status: 503 });
  expect(await sink.send(batchOf(16), forever)).toMatchObject({ status: "retry" });
  expect(server.requests).toHaveLength(1);
  server.script("pass", { status: 401 });
  expect(await sink.send(batchOf(16), forever)).toMatchObject({ status: "blocked" });
  expect(server.requests.length).toBeLessThan(7);
});

test("all of a batch are sent, some at a time", async () => {
  const { server, sink } = await setUp();

  expect(await sink.send(batchOf(16), forever)).toMatchObject({ status: "delivered", httpStatus: 200 });
  expect(server.rows).toHaveLength(16);
});
