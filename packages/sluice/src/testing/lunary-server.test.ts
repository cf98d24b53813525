import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import {
  LUNARY_TEST_KEY,
  type LunaryServer,
  type LunaryServerOptions,
  startLunaryServer,
} from "./lunary-server.ts";

const servers: LunaryServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const ID = "00000000-0000-4000-8000-000000000001";
const PARENT = "00000000-0000-4000-8000-000000000002";
const start = { type: "llm", event: "start", runId: ID, timestamp: "2026-01-01T00:00:00Z", name: "models/x" };
const end = { type: "llm", event: "end", runId: ID, timestamp: "2026-01-01T00:00:01Z", output: "hi" };

async function setUp(options: LunaryServerOptions = {}) {
  const server = await startLunaryServer(options);
  servers.push(server);
  const post = async (
    body: unknown,
    headers: Record<string, string> = { authorization: `Bearer ${LUNARY_TEST_KEY}` },
  ) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(server.endpoint, { method: "POST", headers, body: text });
    const answer = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: answer.startsWith("{") ? JSON.parse(answer) : answer,
    };
  };
  return { server, post };
}

const succeeded = (...ids: string[]) => ({ results: ids.map((id) => ({ id, success: true })) });

test("a run's start and end are stored, in the order of their times and not of the list", async () => {
  const { server, post } = await setUp();

  expect((await post({ events: [end, start] })).body).toEqual(succeeded(ID, ID));
  expect(server.runs.get(ID)).toMatchObject({
    status: "success",
    name: "x",
    output: "hi",
    countedByServer: true,
  });
});

test("an end before its start, by time or by place among equals, succeeds and is lost", async () => {
  const { server, post } = await setUp();
  const sameTime = { ...end, timestamp: start.timestamp };

  expect((await post({ events: [sameTime, start] })).body).toEqual(succeeded(ID, ID));
  expect(server.runs.get(ID)?.status).toBe("started");
  expect(server.lost).toEqual([ID]);
});

test("it waits for a missing parent, then stores the child without it", async () => {
  const clock = new ManualClock();
  const { server, post } = await setUp({ orphanDelayMs: 5_000, clock });

  const posting = post({ events: { ...start, parentRunId: PARENT } });
  await server.received(1);
  await clock.advance(4_999);
  expect(server.runs.size).toBe(0);
  await clock.advance(1);

  expect((await posting).body).toEqual(succeeded(ID));
  expect(server.runs.get(ID)?.parentRunId).toBeUndefined();
});

test("a second start is refused, with the words of the real one", async () => {
  const { post } = await setUp();
  await post({ events: [start] });

  expect((await post({ events: [[start]] })).body).toEqual({
    results: [{ id: ID, success: false, error: "Run with this ID already exists in the database." }],
  });
});

test("ids that are no UUID: 36 characters are an error, others are hashed, and the answer has the sender's", async () => {
  const { server, post } = await setUp();
  const wrong = "x".repeat(36);

  const { body } = await post({
    events: [
      { ...start, runId: wrong },
      { ...start, runId: "run-1" },
    ],
  });

  expect(body.results).toEqual([
    { id: wrong, success: false, error: `invalid input syntax for type uuid: "${wrong}"` },
    { id: "run-1", success: true },
  ]);
  expect([...server.runs.keys()][0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

test("keys become camelCase at every level, and nested metadata is gone", async () => {
  const { server, post } = await setUp();
  const input = [{ tool_calls: [{ "call-id": 1 }] }];

  await post({
    events: [{ ...start, input, extra: { max_tokens: 5 }, metadata: { a_b: 1, deep: { x: 1 }, list: [1] } }],
  });

  expect(server.runs.get(ID)).toMatchObject({
    input: [{ toolCalls: [{ callId: 1 }] }],
    params: { maxTokens: 5 },
    metadata: { aB: 1, list: [1] },
  });
  expect(server.runs.get(ID)?.metadata).not.toHaveProperty("deep");
});

test.each([
  ["no events", { runs: [] }, undefined, 500],
  ["bad JSON", "{", undefined, 400],
  ["no key", { events: [] }, {}, 402],
  ["an unknown key", { events: [] }, { "x-api-key": ID }, 401],
  ["a key that is none", { events: [] }, { authorization: "Bearer abc" }, 401],
  ["more than 20 MB", `"${"x".repeat(21 * 1024 * 1024)}"`, undefined, 413],
  ["an empty list", { events: [] }, undefined, 200],
])("%s is answered as the real one answers it", async (_name, body, headers, status) => {
  const { post } = await setUp();

  expect((await post(body, headers)).status).toBe(status);
});

test("too many requests in a window get 429 with Retry-After", async () => {
  const clock = new ManualClock();
  const { post } = await setUp({ clock, rate: { requests: 1, windowMs: 60_000 } });

  const statuses = [(await post({ events: [] })).status, (await post({ events: [] })).status];
  const refused = await post({ events: [] });
  await clock.advance(60_000);

  expect(statuses).toEqual([200, 429]);
  expect(refused.headers.get("retry-after")).toBe("60");
  expect((await post({ events: [] })).status).toBe(200);
});

test("feedback of an unknown run succeeds and is lost; of a known one it is merged and can be asked for", async () => {
  const { server, post } = await setUp();
  const feedback = (value: object) => ({
    event: "feedback",
    runId: ID,
    timestamp: end.timestamp,
    feedback: value,
  });
  const asked = async (id: string) => {
    const response = await fetch(`${server.url}/v1/runs/${id}/feedback`, {
      headers: { authorization: `Bearer ${LUNARY_TEST_KEY}` },
    });
    return [response.status, await response.text()];
  };

  expect((await post({ events: [feedback({ thumb: "up" })] })).body).toEqual(succeeded(ID));
  expect(server.lost).toEqual([ID]);
  expect(await asked(ID)).toEqual([404, "Run not found"]);
  await post({ events: [start] });
  expect(await asked(ID)).toEqual([204, ""]);
  await post({ events: [feedback({ thumb: "up" }), feedback({ comment: "c" })] });
  expect(await asked(ID)).toEqual([200, '{"thumb":"up","comment":"c"}']);
});

test("a chat makes its thread, appends what is said, and says it twice when it is sent again", async () => {
  const { server, post } = await setUp();
  const say = (number: number, role: string) => ({
    ...{ type: "thread", event: "chat", parentRunId: PARENT, timestamp: start.timestamp },
    runId: `00000000-0000-4000-8000-00000000010${number}`,
    message: { role, content: `${number}` },
  });

  await post({ events: [say(1, "user"), say(2, "assistant"), say(3, "user")] });
  await post({ events: [say(4, "assistant"), say(4, "assistant")] });

  expect(server.runs.get(PARENT)).toMatchObject({
    type: "thread",
    input: { role: "assistant", content: "4" },
  });
  const chats = [...server.runs.values()].filter(({ type }) => type === "chat");
  expect(chats).toMatchObject([
    { input: [{ content: "1" }], output: [{ content: "2" }] },
    { input: [{ content: "3" }], output: [{ content: "4" }, { content: "4" }] },
  ]);
});

test("a log line goes to a table of its own, once for each time it is sent; a custom event is refused again", async () => {
  const { server, post } = await setUp();
  const line = { type: "log", event: "info", parentRunId: ID, runId: PARENT, message: "m" };
  const custom = { type: "thread", event: "custom-event", runId: ID, name: "clicked" };

  await post({ events: [line, line] });
  const { body } = await post({ events: [custom, custom] });

  expect(server.logs).toHaveLength(2);
  expect(body.results[1].error).toMatch(/unique constraint/);
  expect(server.runs.get(ID)).toMatchObject({ type: "custom-event", name: "clicked" });
});

test("an appId sends the event to another project; tags and templates in the metadata must fit their columns", async () => {
  const { server, post } = await setUp();
  const other = (metadata: object) => ({ ...start, runId: PARENT, metadata });

  await post({ events: [{ ...start, appId: PARENT }] });
  const refused = await post({ events: [other({ tags: "a" }), other({ templateId: "welcome" })] });

  expect(server.runs.get(ID)?.projectId).toBe(PARENT);
  expect(refused.body.results).toMatchObject([
    { success: false, error: expect.stringContaining("array") },
    { success: false, error: expect.stringContaining("integer") },
  ]);
});

test("an unknown event name succeeds and does nothing", async () => {
  const { server, post } = await setUp();

  expect((await post({ events: [{ ...start, event: "begin" }] })).body).toEqual(succeeded(ID));
  expect(server.runs.size).toBe(0);
});

test("its OTLP route takes no JSON, and fails on protobuf", async () => {
  const { server } = await setUp();
  const status = async (type: string) => {
    const headers = { authorization: `Bearer ${LUNARY_TEST_KEY}`, "content-type": type };
    return (await fetch(`${server.url}/v1/traces`, { method: "POST", headers, body: "{}" })).status;
  };

  expect([await status("application/json"), await status("application/x-protobuf")]).toEqual([415, 500]);
});
