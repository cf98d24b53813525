import { afterEach, expect, test } from "vitest";
import {
  HELICONE_TEST_KEY,
  type HeliconeServer,
  type HeliconeServerOptions,
  startHeliconeServer,
} from "./helicone-server.ts";

const servers: HeliconeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const ID = "00000000-0000-4000-8000-000000000001";
const AUTH = { authorization: `Bearer ${HELICONE_TEST_KEY}` };
const moment = (seconds: number) => ({ seconds, milliseconds: 5 });

/** What the worker takes, with these differences in its parts. */
function recordOf(request: object = {}, response: object = {}, timing: object = {}) {
  return {
    providerRequest: { url: "u", json: { model: "m" }, meta: { "Helicone-Request-Id": ID }, ...request },
    providerResponse: { status: 200, headers: {}, json: {}, ...response },
    timing: { startTime: moment(1), endTime: moment(2), timeToFirstToken: 150, ...timing },
  };
}

async function setUp(options: HeliconeServerOptions = {}) {
  const server = await startHeliconeServer(options);
  servers.push(server);
  const post = async (path: string, body: unknown, headers: Record<string, string> = AUTH) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`${server.url}${path}`, { method: "POST", headers, body: text });
    return { status: response.status, body: await response.text(), id: response.headers.get("helicone-id") };
  };
  return { server, post };
}

test("a record is answered with ok and its id, and can be read", async () => {
  const { server, post } = await setUp();

  expect(await post("/oai/v1/log", recordOf())).toEqual({ status: 200, body: "ok", id: ID });

  expect(server.rows).toMatchObject([
    { requestId: ID, provider: "OPENAI", model: "m", delayMs: 1_000, timeToFirstTokenMs: 150 },
  ]);
});

test.each([
  ["no timing", { ...recordOf(), timing: undefined }, AUTH, 400],
  ["an end before the start", recordOf({}, {}, { endTime: moment(0) }), AUTH, 400],
  ["a time before 1970", recordOf({}, {}, { startTime: moment(-9) }), AUTH, 400],
  ["an ISO time", recordOf({}, {}, { startTime: "2026-01-01T00:00:00Z" }), AUTH, 400],
  ["no json in the answer", recordOf({}, { json: undefined, textBody: "x" }), AUTH, 400],
  ["no meta", recordOf({ meta: undefined }), AUTH, 400],
  ["a status that is text", recordOf({}, { status: "200" }), AUTH, 400],
  ["no key", recordOf(), {}, 401],
  ["a wrong key and a bad record: the record comes first", {}, { authorization: "Bearer x" }, 400],
  ["a wrong key", recordOf(), { authorization: "Bearer x" }, 401],
  ["a line feed in meta", recordOf({ meta: { a: "1\n2" } }), AUTH, 500],
  ["an emoji in meta", recordOf({ meta: { a: "🧵" } }), AUTH, 500],
] as const)("the worker answers %s as the real one does", async (_name, body, headers, status) => {
  const { server, post } = await setUp();

  expect((await post("/custom/v1/log", body, headers)).status).toBe(status);
  expect(server.rows).toEqual([]);
});

test("more than 10 MB, counted in UTF-16 units, get 400", async () => {
  const { post } = await setUp();
  const record = (units: number) => recordOf({ url: "ä".repeat(units) });

  expect(await post("/oai/v1/log", record(10 * 1024 * 1024))).toMatchObject({
    status: 400,
    body: "Payload too large",
  });
  expect((await post("/oai/v1/log", record(9 * 1024 * 1024))).status).toBe(200);
});

test("a path that the worker does not have gets 400", async () => {
  const { post } = await setUp();

  expect(await post("/mistral/v1/log", recordOf())).toMatchObject({ status: 400, body: "invalid path" });
});

test("a server of one's own answers with nothing, needs no timing, and calls its stumbling 500", async () => {
  const { server, post } = await setUp();
  const path = "/v1/trace/custom/v1/log";
  const { timing: _, ...record } = recordOf();

  expect(await post(path, { ...record, provider: "ANTHROPIC" })).toEqual({ status: 200, body: "", id: null });
  expect((await post(path, {})).status).toBe(500);
  expect((await post(path, record, {})).status).toBe(401);
  expect(server.rows).toMatchObject([{ provider: "ANTHROPIC" }]);
});

test("a request id of version 7 is replaced by a random one", async () => {
  const { server, post } = await setUp();
  const id = ID.replace("-4000-", "-7000-");

  const record = recordOf({ meta: { "Helicone-Request-Id": id } });
  const first = await post("/oai/v1/log", record);
  await post("/oai/v1/log", record);

  expect(first.id).not.toBe(id);
  expect(server.rows).toHaveLength(2);
});

test("HTTP headers win over meta", async () => {
  const { server, post } = await setUp();

  await post("/oai/v1/log", recordOf({ meta: { "Helicone-User-Id": "ann" } }), {
    ...AUTH,
    "Helicone-User-Id": "bob",
  });

  expect(server.rows[0]?.userId).toBe("bob");
});

test("records of one id, model, user, provider and start are one row, the last; others are two", async () => {
  const { server, post } = await setUp();

  await post("/oai/v1/log", recordOf());
  await post("/oai/v1/log", recordOf({}, { status: 500 }));
  await post("/oai/v1/log", recordOf({ json: { model: "other" } }));
  await post("/custom/v1/log", recordOf());

  expect(server.rowsOf(ID).map(({ model, provider, status }) => [model, provider, status])).toEqual([
    ["m", "OPENAI", 500],
    ["other", "OPENAI", 200],
    ["m", "CUSTOM", 200],
  ]);
});

test("a joined answer under a request that says `stream` has no tokens; chunks have", async () => {
  const { server, post } = await setUp();
  const usage = { prompt_tokens: 8, completion_tokens: 3 };
  const json = { model: "m", stream: true };

  await post("/oai/v1/log", recordOf({ json }, { json: { usage } }));
  await post(
    "/oai/v1/log",
    recordOf({ json, meta: {} }, { json: { streamed_data: [{ id: 1 }, { usage }] } }),
  );

  expect(server.rows[0]).not.toHaveProperty("promptTokens");
  expect(server.rows[1]).toMatchObject({ promptTokens: 8, completionTokens: 3 });
});

test("an answer that is no JSON cannot be parsed, and is kept as that", async () => {
  const { server, post } = await setUp();

  await post("/oai/v1/log", recordOf({}, { status: 502, textBody: "<html>Bad Gateway" }));

  expect(server.rows).toMatchObject([
    { status: 502, response: { helicone_error: "error parsing response" } },
  ]);
});

test("feedback is yes or no, scores are whole numbers or booleans, and both need a record", async () => {
  const { server, post } = await setUp();
  await post("/oai/v1/log", recordOf());
  const about = `/v1/request/${ID}`;

  expect((await post(`${about}/feedback`, { rating: true })).status).toBe(200);
  expect((await post(`${about}/feedback`, { rating: 1 })).status).toBe(400);
  expect((await post(`${about}/score`, { scores: { a: 1, b: false } })).status).toBe(200);
  expect((await post(`${about}/score`, { scores: { a: 0.5 } })).status).toBe(400);
  expect((await post(`/v1/request/${ID.replace("1", "2")}/score`, { scores: { a: 1 } })).status).toBe(404);
  expect((await post(`${about}/score`, { scores: { a: 1 } }, {})).status).toBe(401);
  expect([server.feedback.get(ID), server.scores.get(ID)]).toEqual([true, { a: 1, b: false }]);
});
