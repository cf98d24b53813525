import { gzipSync } from "node:zlib";
import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import {
  createLangfuse,
  LANGFUSE_TEST_KEYS,
  type LangfuseServer,
  type LangfuseServerOptions,
  startLangfuseServer,
} from "./langfuse-server.ts";

const servers: LangfuseServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const { public_key, secret_key } = LANGFUSE_TEST_KEYS;
const BASIC = `Basic ${Buffer.from(`${public_key}:${secret_key}`).toString("base64")}`;
const INGESTION = "/api/public/ingestion";

async function setUp(options: LangfuseServerOptions = { version: 3 }) {
  const server = await startLangfuseServer(options);
  servers.push(server);
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(server.url + path, {
      method: "POST",
      headers: { authorization: BASIC, "content-type": "application/json", ...headers },
      body: isBytes ? Buffer.from(body) : JSON.stringify(body),
    });
    const text = await response.text();
    const json = /^[[{]/.test(text) ? JSON.parse(text) : undefined;
    return { status: response.status, text, json, headers: response.headers };
  };
  const ingest = async (...batch: readonly unknown[]) => (await post(INGESTION, { batch })).json;
  return { server, post, ingest };
}

let count = 0;
const item = (type: string, body: object, changes: object = {}) => ({
  id: `e-${++count}`,
  timestamp: "2026-01-01T00:00:00.000Z",
  type,
  body,
  ...changes,
});

test("the version is told without a key", async () => {
  const { server } = await setUp({ version: 2 });

  const response = await fetch(`${server.url}/api/public/health`);

  expect(await response.json()).toEqual({ status: "OK", version: "2.95.12" });
});

test("a body that was parsed is answered with 207, and each item by its envelope id", async () => {
  const { ingest, server } = await setUp();
  const good = item("trace-create", { id: "t", name: "x" });
  const bad = item("span-create", {});

  const answer = await ingest(good, bad, { type: "nonsense" });

  expect(answer.successes).toEqual([{ id: good.id, status: 201 }]);
  expect(answer.errors).toMatchObject([
    { id: bad.id, status: 400, message: "Invalid request data" },
    { id: "unknown", status: 400 },
  ]);
  expect(server.traces.get("t")).toMatchObject({ name: "x", environment: "default" });
});

test("only a batch that is no array is refused as a whole", async () => {
  const { post } = await setUp();

  expect((await post(INGESTION, { batch: {} })).status).toBe(400);
  expect((await post(INGESTION, { batch: [] })).status).toBe(207);
});

test.each(["agent", "tool", "chain", "retriever", "evaluator", "embedding", "guardrail"])(
  "%s has a create and no update, and a second create is the update",
  async (kind) => {
    const { ingest, server } = await setUp();

    const update = await ingest(item(`${kind}-update`, { id: "o" }));
    await ingest(item(`${kind}-create`, { id: "o", name: "first", input: 1 }));
    await ingest(item(`${kind}-create`, { id: "o", output: 2 }));

    expect(update.errors).toMatchObject([{ status: 400, error: expect.stringContaining("discriminator") }]);
    expect(server.observations).toMatchObject([
      { id: "o", type: kind.toUpperCase(), name: "first", input: 1, output: 2 },
    ]);
  },
);

test("v2 knows none of the kinds of autumn 2025", async () => {
  const { ingest } = await setUp({ version: 2 });

  expect((await ingest(item("tool-create", { id: "o" }))).errors).toMatchObject([{ status: 400 }]);
  expect((await ingest(item("span-create", { id: "o" }))).errors).toEqual([]);
});

test.each([
  ["a number", 1_767_225_600_000],
  ["no zone", "2026-01-01T00:00:00"],
])("a timestamp with %s fails its item", async (_, timestamp) => {
  const { ingest } = await setUp();

  expect((await ingest(item("trace-create", { id: "t" }, { timestamp }))).errors).toHaveLength(1);
});

test.each(["2026-01-01T00:00:00.123456789Z", "2026-01-01T01:00:00+01:00"])(
  "the timestamp %s is taken",
  async (timestamp) => {
    const { ingest } = await setUp();

    expect((await ingest(item("trace-create", { id: "t" }, { timestamp }))).errors).toEqual([]);
  },
);

test.each([
  ["an id of 801 characters", item("trace-create", { id: "t" }, { id: "x".repeat(801) })],
  ["a carriage return in an id", item("trace-create", { id: "a\rb" })],
  ["a name of 1,001 characters on a trace", item("trace-create", { id: "t", name: "x".repeat(1_001) })],
  ["a level in lower case", item("span-create", { id: "o", level: "error" })],
  [
    "nested model parameters",
    item("generation-create", { id: "o", modelParameters: { a: { b: { c: 1 } } } }),
  ],
  ["a list of objects as a parameter", item("generation-create", { id: "o", modelParameters: { a: [{}] } })],
  ["a prompt's name without its version", item("generation-create", { id: "o", promptName: "p" })],
  ["an observation without an id", item("generation-create", { traceId: "t" })],
  ["a tag that is no text", item("trace-create", { id: "t", tags: [1] })],
  ["dataset-run-item-create from outside", item("dataset-run-item-create", { id: "d" })],
])("%s fails the item", async (_, bad) => {
  const { ingest, server } = await setUp();

  const answer = await ingest(bad);

  expect(answer).toMatchObject({ successes: [], errors: [{ status: 400 }] });
  expect([...server.traces, ...server.observations]).toEqual([]);
});

test("a trace without body.id is listed in successes though it was skipped", async () => {
  const { ingest, server } = await setUp();
  const lost = item("trace-create", { name: "lost" });

  expect((await ingest(lost)).successes).toEqual([{ id: lost.id, status: 201 }]);
  expect(server.traces.size).toBe(0);
});

test("an sdk-log is taken, and stands in neither list", async () => {
  const { ingest, server } = await setUp();

  expect(await ingest(item("sdk-log", { log: "hello" }))).toEqual({ successes: [], errors: [] });
  expect(server.logs).toEqual(["hello"]);
});

test("a body key that it does not know is dropped without a word", async () => {
  const { ingest, server } = await setUp();

  const answer = await ingest(item("span-create", { id: "o", strange: 1 }));

  expect(answer.errors).toEqual([]);
  expect(server.observations[0]).not.toHaveProperty("strange");
});

test("an exact usage of OpenAI becomes disjoint, and one strange key leaves raw keys", async () => {
  const { ingest, server } = await setUp();
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 40 },
    completion_tokens_details: { reasoning_tokens: 20 },
  };

  await ingest(item("generation-create", { id: "exact", usageDetails: usage }));
  await ingest(item("generation-create", { id: "strange", usageDetails: { ...usage, extra: 1 } }));

  expect(server.observations.map(({ usageDetails }) => usageDetails)).toEqual([
    { input: 60, input_cached_tokens: 40, output: 30, output_reasoning_tokens: 20, total: 150 },
    { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150, extra: 1 },
  ]);
});

test("counts that are fractions or negative are dropped in silence", async () => {
  const { ingest, server } = await setUp();

  const usageDetails = { input: 1.5, output: -1, total: 3 };
  const answer = await ingest(item("generation-create", { id: "o", usageDetails }));

  expect(answer.errors).toEqual([]);
  expect(server.observations[0]?.usageDetails).toEqual({ total: 3 });
});

test.each([
  ["Prod/EU", "default"],
  ["PROD", "prod"],
  ["langfuse-x", "-x"],
  ["x".repeat(41), "default"],
])("the environment %s is stored as %s", async (environment, stored) => {
  const { ingest, server } = await setUp();

  await ingest(item("trace-create", { id: "t", environment }));

  expect(server.traces.get("t")?.environment).toBe(stored);
});

test("creates come before updates, whatever their order in the request", async () => {
  const { ingest, server } = await setUp();

  await ingest(
    item("generation-update", { id: "o", name: "end" }, { timestamp: "2025-01-01T00:00:00Z" }),
    item("generation-create", { id: "o", name: "start" }),
  );

  expect(server.observations[0]?.name).toBe("end");
});

test("an envelope that comes again changes nothing", async () => {
  const { ingest, server } = await setUp();
  const first = item("span-create", { id: "o", name: "first" });

  await ingest(first);
  await ingest({ ...first, body: { id: "o", name: "second" } });

  expect(server.observations).toMatchObject([{ name: "first" }]);
});

test("v4 in events_only, its default, refuses all but scores, item by item inside a 207", async () => {
  const { post, server } = await setUp({});
  const score = item("score-create", { id: "s", traceId: "t", name: "n", value: 1 });

  const answer = await post(INGESTION, { batch: [item("trace-create", { id: "t" }), score] });

  expect(answer.status).toBe(207);
  expect(answer.json.successes).toEqual([{ id: score.id, status: 201 }]);
  expect(answer.json.errors).toMatchObject([
    { status: 400, message: "Event type not accepted", error: expect.stringContaining("events_only") },
  ]);
  expect(server.traces.size).toBe(0);
  expect(server.scores.get("s")).toMatchObject({ value: 1, dataType: "NUMERIC" });
});

test.each(["dual", "legacy"] as const)("v4 takes everything while it writes %s", async (writeMode) => {
  const { ingest } = await setUp({ writeMode });

  expect((await ingest(item("trace-create", { id: "t" }))).errors).toEqual([]);
});

test("a body of more than 4.5 MB gets 413", async () => {
  const { post } = await setUp({ version: 2 });

  expect((await post(INGESTION, { batch: [], metadata: "x".repeat(4_718_592) })).status).toBe(413);
});

test("a gzip ingestion body gets 400 of v2", async () => {
  const { post } = await setUp({ version: 2 });

  const body = gzipSync(JSON.stringify({ batch: [] }));

  expect((await post(INGESTION, body, { "content-encoding": "gzip" })).status).toBe(400);
});

test("of a create and an update that v2 gets at the same time, one loses its usage", async () => {
  const langfuse = createLangfuse({ version: 2 });
  const usageDetails = { input: 1 };
  const send = (...batch: readonly unknown[]) => {
    const json = { batch };
    const headers = { authorization: BASIC };
    return langfuse.answer({ method: "POST", path: INGESTION, headers, body: Buffer.from("{}"), json });
  };

  const create = send(item("generation-create", { id: "raced", name: "n" }));
  const update = send(item("generation-update", { id: "raced", usageDetails }));
  await Promise.all([create, update]);
  await send(item("generation-create", { id: "alone" }));
  await send(item("generation-update", { id: "alone", usageDetails }));

  expect(langfuse.observations.map((each) => each.usageDetails)).toEqual([undefined, usageDetails]);
});

test("a wrong key gets 401, a used-up plan 403, a public key alone scores only", async () => {
  const { post } = await setUp();
  const suspended = await setUp({ isSuspended: true });
  const batch = [item("trace-create", { id: "t" })];

  expect((await post(INGESTION, { batch }, { authorization: "Basic eDp5" })).status).toBe(401);
  expect((await suspended.post(INGESTION, { batch })).status).toBe(403);
  const bearer = { authorization: `Bearer ${public_key}` };
  expect((await post(INGESTION, { batch }, bearer)).json.errors).toMatchObject([{ status: 401 }]);
  const score = { name: "n", value: 1, traceId: "t" };
  expect((await post("/api/public/scores", score, bearer)).status).toBe(200);
});

test("over its rate it says 429 and when to come again, until the window is over", async () => {
  const clock = new ManualClock();
  const { post } = await setUp({ version: 3, clock, rate: { requests: 1, windowMs: 60_000 } });

  expect((await post(INGESTION, { batch: [] })).status).toBe(207);
  const over = await post(INGESTION, { batch: [] });
  expect(over.status).toBe(429);
  expect(over.headers.get("retry-after")).toBe("60");
  await clock.advance(60_000);
  expect((await post(INGESTION, { batch: [] })).status).toBe(207);
});

test.each([
  ["true as a value", { value: true, dataType: "BOOLEAN" }, { traceId: "t" }],
  ["2 as a boolean", { value: 2, dataType: "BOOLEAN" }, { traceId: "t" }],
  ["a text as a number", { value: "1", dataType: "NUMERIC" }, { traceId: "t" }],
  ["a text of 501 characters", { value: "x".repeat(501), dataType: "TEXT" }, { traceId: "t" }],
  ["no place", { value: 1 }, {}],
  ["two places", { value: 1 }, { traceId: "t", sessionId: "s" }],
  ["an observation without its trace", { value: 1 }, { sessionId: "s", observationId: "o" }],
])("a score with %s is refused by both routes", async (_, value, place) => {
  const { post, ingest, server } = await setUp();
  const score = { name: "n", ...value, ...place };

  expect((await post("/api/public/scores", score)).status).toBe(400);
  expect((await ingest(item("score-create", score))).errors).toHaveLength(1);
  expect(server.scores.size).toBe(0);
});

test("a score with the id of another takes its place", async () => {
  const { post, server } = await setUp();
  const score = { id: "s", name: "n", traceId: "t", observationId: "o" };

  await post("/api/public/scores", { ...score, value: 1, dataType: "BOOLEAN" });
  const answer = await post("/api/public/scores", { ...score, value: 0, dataType: "BOOLEAN" });

  expect(answer.json).toEqual({ id: "s" });
  expect([...server.scores.values()]).toMatchObject([{ id: "s", value: 0, dataType: "BOOLEAN" }]);
});

test("the cloud stamps its notice on a 207 of successes, but not where only scores came", async () => {
  const { ingest } = await setUp({ writeMode: "dual", isCloud: true });
  const score = item("score-create", { name: "n", value: 1, traceId: "t" });

  expect(await ingest(item("trace-create", { id: "t" }))).toMatchObject({
    errors: [],
    _deprecation: { sunsetAt: "2026-10-31" },
  });
  expect(await ingest(score)).not.toHaveProperty("_deprecation");
});

test("a score without an id is taken, and a new one each time", async () => {
  const { post, server } = await setUp();
  const score = { name: "n", value: 1, traceId: "t" };

  await post("/api/public/scores", score);
  await post("/api/public/scores", score);

  expect(server.scores.size).toBe(2);
});
