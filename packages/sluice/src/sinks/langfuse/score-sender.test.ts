import { afterEach, expect, test } from "vitest";
import { closeAll, ended, scored, setUp, TRACE } from "./langfuse.test-support.ts";

afterEach(closeAll);

const SCORES = "/api/public/scores";
const INGESTION = "/api/public/ingestion";

test("one score goes to the scores API, after the spans of its batch, under an id of ours", async () => {
  const { send, langfuse } = await setUp({});
  const score = scored("r", { name: "helpful", value: 0.5, comment: "so so" });

  await send(score, ended("r"));
  await send({ ...score, data: { name: "helpful", value: 1 } });

  expect(langfuse.requests.map(({ path }) => path)).toEqual(["/api/public/otel/v1/traces", SCORES, SCORES]);
  expect([...langfuse.scores.values()]).toMatchObject([
    { name: "helpful", value: 1, dataType: "NUMERIC", traceId: TRACE, comment: "so so" },
  ]);
});

test("several scores go to the ingestion route in one request, which events_only takes", async () => {
  const { send, langfuse } = await setUp({});

  const delivery = await send(scored("a", true), scored("b", "good"), scored("c", 3));

  expect(delivery).toMatchObject({ status: "delivered" });
  expect(langfuse.requests.map(({ path }) => path)).toEqual([INGESTION]);
  expect([...langfuse.scores.values()].map(({ value, dataType }) => [value, dataType])).toEqual([
    [1, "BOOLEAN"],
    ["good", "CATEGORICAL"],
    [3, "NUMERIC"],
  ]);
});

test("feedback is a score for each of its members, and its comment stands on all of them", async () => {
  const { send, langfuse } = await setUp({});

  await send(scored("r", { thumb: "up", stars: 5, comment: "nice" }));

  expect([...langfuse.scores.values()]).toMatchObject([
    { name: "thumb", value: "up", comment: "nice" },
    { name: "stars", value: 5, comment: "nice" },
  ]);
});

test.each([[null], [[]], [{}], [{ name: "n", value: { deep: 1 } }]])("%j is no score", async (data) => {
  const { send, langfuse } = await setUp({});

  expect(await send(scored("r", data))).toEqual({ status: "skipped", reason: "no_score" });
  expect(langfuse.requests).toEqual([]);
});

test("scores that fail behind delivered spans are tried again, and the spans are not", async () => {
  const { send, langfuse } = await setUp({});
  langfuse.choose(({ path }) => (path === SCORES ? { status: 503 } : "pass"));

  expect(await send(ended("r"), scored("r", 1))).toMatchObject({
    each: [{ status: "delivered" }, { status: "retry" }],
  });
  expect(await send(scored("r", 1))).toMatchObject({ status: "retry" });
});

test.each([
  [1, SCORES],
  [2, INGESTION],
])(
  "%i scores that the cloud slows down behind spans wait as long as it says, or they would become poison",
  async (count, path) => {
    const { send, langfuse } = await setUp({});
    const slowDown = { status: 429, headers: { "retry-after": "60" } };
    langfuse.choose((request) => (request.path === path ? slowDown : "pass"));
    const scores = Array.from({ length: count }, (_, index) => scored(`r${index}`, 1));

    const delivery = await send(ended("r"), ...scores);

    const waits = scores.map(() => ({ status: "retry", retryAfterMs: 60_000 }));
    expect(delivery).toMatchObject({ each: [{ status: "delivered" }, ...waits] });
  },
);

test("a score that is refused behind delivered spans is refused at once", async () => {
  const { send, langfuse } = await setUp({});
  langfuse.choose(({ path }) => (path === SCORES ? { status: 400 } : "pass"));

  expect(await send(ended("r"), scored("r", null), scored("r", 1))).toMatchObject({
    each: [{ status: "delivered" }, { status: "skipped" }, { status: "rejected" }],
  });
});

test("a key that is good for no scores pauses the sink at once, also where spans were taken", async () => {
  const { send, langfuse } = await setUp({});
  langfuse.choose(({ path }) => (path === SCORES ? { status: 403 } : "pass"));

  expect(await send(ended("r"), scored("r", 1))).toMatchObject({ status: "blocked" });
  langfuse.choose(() => "pass");
  expect(await send(ended("r"), scored("r", 1))).toMatchObject({ status: "delivered" });

  expect(langfuse.observations).toHaveLength(1);
});

test("where the spans fail, no score is sent before them", async () => {
  const { send, langfuse } = await setUp({});
  langfuse.script({ status: 503 });

  expect(await send(ended("r"), scored("r", 1))).toMatchObject({ status: "retry" });
  expect(langfuse.requests).toHaveLength(1);
});

test("of many scores, the refused one is rejected and the others are stored", async () => {
  const { send, langfuse } = await setUp({});
  langfuse.refuseItems((item) => (Object(item.body).value === 2 ? 404 : undefined));

  const delivery = await send(scored("a", 1), scored("b", 2));

  expect(delivery).toMatchObject({ each: [{ status: "delivered" }, { status: "rejected" }] });
});
