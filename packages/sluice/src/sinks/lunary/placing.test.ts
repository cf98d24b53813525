import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { outgoing } from "../../testing/outgoing.ts";
import { END, ended, forever, openSink, RUN, START, scored, setUp, started } from "./rig.test-support.ts";

const AGENT = "00000000-0000-4000-8000-00000000000a";

test("a score is feedback of its run, in the same request or a later one, and each is merged", async () => {
  const { server, send } = await setUp();

  expect(await send(ended(RUN), scored(RUN, { thumb: "up", comment: "nice" }))).toMatchObject({
    status: "delivered",
  });
  expect(await send(scored(RUN, { name: "helpful", value: 0.5 }))).toMatchObject({ status: "delivered" });
  expect(await send(scored(RUN, { name: "safe", value: true, reason: "r" }))).toMatchObject({
    status: "delivered",
  });
  expect(await send(scored(RUN, 4))).toMatchObject({ status: "delivered" });

  expect(server.runs.get(RUN)).toMatchObject({
    status: "success",
    feedback: { thumb: "up", comment: "nice", helpful: 0.5, safe: true, reason: "r", score: 4 },
  });
  expect(server.lost).toEqual([]);
});

test("feedback that stands before its run, by place or by its clock, comes after it: orphans are lost with success", async () => {
  const { server, send } = await setUp();
  const early = scored(RUN, { thumb: "up" }, "2025-01-01T00:00:00.000Z");

  expect(await send(early, ended(RUN))).toMatchObject({ status: "delivered" });

  expect(server.lost).toEqual([]);
  expect(server.runs.get(RUN)?.feedback).toEqual({ thumb: "up" });
});

test("a score before the end of its run takes the run's start with it, and both stay when the end comes", async () => {
  const { server, send } = await setUp();

  await send(
    started(RUN, { request: { input: "Hi" } }, { parentRunId: AGENT }),
    started(AGENT, { type: "agent" }),
  );
  expect(await send(scored(RUN, { safe: true }, START), scored(RUN, { polite: true }))).toMatchObject({
    status: "delivered",
  });
  expect(server.runs.get(RUN)).toMatchObject({ status: "started", input: "Hi", parentRunId: AGENT });
  expect(await send(ended(RUN, { request: { input: "Hi" } }))).toMatchObject({ status: "delivered" });

  expect(server.runs.get(RUN)).toMatchObject({
    status: "success",
    feedback: { safe: true, polite: true },
    output: { content: "Hi!" },
  });
  expect(server.lost).toEqual([]);
});

test("the run of a score that an earlier process sent is asked for, and found", async () => {
  const { server, send } = await setUp();
  const earlier = await openSink(server.url);
  await earlier.send([outgoing(ended(RUN))], forever);

  expect(await send(scored(RUN, { thumb: "up" }), scored(RUN, { comment: "yes" }))).toMatchObject({
    status: "delivered",
  });

  expect(server.requests.map(({ method, path }) => `${method} ${path}`).slice(1)).toEqual([
    `GET /v1/runs/${RUN}/feedback`,
    "POST /v1/runs/ingest",
  ]);
  expect(server.runs.get(RUN)?.feedback).toEqual({ thumb: "up", comment: "yes" });
});

test("an orphan score is never given to Lunary, which would say success and store it nowhere", async () => {
  const clock = new ManualClock();
  const { server, send } = await setUp({ clock });
  const orphan = scored("gone", { thumb: "up" });
  const reason = "Lunary does not have this run (yet)";

  expect(await send(orphan, ended(RUN))).toMatchObject({
    status: "mixed",
    each: [{ status: "retry", reason, retryAfterMs: 3_000 }, { status: "delivered" }],
  });
  expect(await send(orphan)).toMatchObject({ status: "mixed", each: [{ status: "retry" }] });
  await clock.advance(60_000);
  expect(await send(orphan)).toMatchObject({ status: "mixed", each: [{ status: "rejected", reason }] });

  expect(server.lost).toEqual([]);
  expect(server.requests.filter(({ body }) => body.includes("feedback"))).toEqual([]);
});

test("feedback whose run is refused, or not stored yet, shares its run's fate, whatever Lunary says to it", async () => {
  const { server, send } = await setUp();
  const scoreAndRun = () => send(ended(RUN), scored(RUN, { thumb: "up" }));

  server.refuseItems(({ event }) => (event === "start" ? "connection terminated" : undefined));
  expect(await scoreAndRun()).toMatchObject({ status: "retry" });
  server.refuseItems(({ event }) => (event === "start" ? "value too long" : undefined));
  expect(await scoreAndRun()).toMatchObject({
    each: [{ status: "rejected" }, { status: "rejected", reason: "its run was refused" }],
  });
});

test("many scores of unknown runs do not turn into as many questions: the others wait, and are no suspects", async () => {
  const { server, send } = await setUp();
  const scores = Array.from({ length: 8 }, (_, index) => scored(`gone ${index}`, { thumb: "up" }));

  const delivery = await send(ended(RUN), ...scores);

  const each = delivery.status === "mixed" ? delivery.each.map(({ status }) => status) : [];
  expect(each).toEqual(["delivered", ...Array(8).fill("retry")]);
  expect(server.requests.filter(({ method }) => method === "GET")).toHaveLength(5);
});

test("a backend that cannot be asked is a failure like any other", async () => {
  const { server, send } = await setUp();

  server.script({ status: 429, headers: { "retry-after": "7" } });
  expect(await send(scored("gone", {}))).toMatchObject({ status: "retry", retryAfterMs: 7_000 });
  server.script({ status: 401 });
  expect(await send(scored("gone", {}))).toMatchObject({ status: "blocked" });
  server.script({ status: 400 });
  expect(await send(scored("gone", {}))).toMatchObject({ each: [{ status: "rejected" }] });
});

test("a score that an ingest of Lunary's form gave is feedback as it came", async () => {
  const { server, send } = await setUp();
  await send(ended(RUN));

  await send({
    ...scored(RUN, { score: 1, flags: ["a"], comment: "c" }, END),
    origin: { dialect: "run-payload" },
  });

  expect(server.runs.get(RUN)?.feedback).toEqual({ score: 1, flags: ["a"], comment: "c" });
});
