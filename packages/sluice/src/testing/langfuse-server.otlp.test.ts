import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { encodeTraceProto } from "../sinks/otlp/encode-proto.ts";
import {
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
const JSON_TYPE = { "content-type": "application/json" };

async function setUp(options: LangfuseServerOptions = {}) {
  const server = await startLangfuseServer(options);
  servers.push(server);
  const authorization = `Basic ${Buffer.from(`${public_key}:${secret_key}`).toString("base64")}`;
  const post = async (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) => {
    const response = await fetch(`${server.url}/api/public/otel/v1/traces`, {
      method: "POST",
      headers: { authorization, "x-langfuse-ingestion-version": "4", ...headers },
      body: Buffer.from(body),
    });
    return { status: response.status, text: await response.text() };
  };
  const send = (...spans: readonly object[]) => post(exportOf(...spans));
  return { server, post, send };
}

function exportOf(...spans: readonly object[]): string {
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ scope: { name: "x" }, spans }] }] });
}

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

/** A span with these attributes: texts, numbers, and lists of texts. */
function span(attributes: Readonly<Record<string, unknown>> = {}, changes: object = {}): object {
  return {
    traceId: TRACE,
    spanId: "00f067aa0ba902b7",
    name: "a span",
    startTimeUnixNano: "1767225600000000000",
    endTimeUnixNano: "1767225601000000000",
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) })),
    ...changes,
  };
}

function anyValue(value: unknown): object {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return typeof value === "number" ? { intValue: String(value) } : { stringValue: value };
}

test("a success is the job of a queue, and no ExportTraceServiceResponse", async () => {
  const { send } = await setUp();

  const answer = await send(span());

  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.text)).toMatchObject({ name: "otel-ingestion-job" });
});

test("gzip is taken, and an export of nothing is a success", async () => {
  const { post, server } = await setUp();

  const zipped = await post(gzipSync(exportOf(span())), { ...JSON_TYPE, "content-encoding": "gzip" });

  expect(zipped.status).toBe(200);
  expect(server.observations).toHaveLength(1);
  expect(await post('{"resourceSpans":[]}')).toEqual({ status: 200, text: "{}" });
});

test("protobuf is taken like JSON, also in gzip, and its answer is JSON", async () => {
  const { post, server } = await setUp();
  const type = { "content-type": "application/x-protobuf" };
  const body = encodeTraceProto([
    {
      resource: {},
      scope: { name: "x" },
      traceId: TRACE,
      spanId: "00f067aa0ba902b7",
      name: "a span",
      startTimeUnixNano: 1_767_225_600_000_000_000n,
      endTimeUnixNano: 1_767_225_601_000_000_000n,
      attributes: { "user.id": "u" },
    },
  ]);

  const plain = await post(body, type);
  const zipped = await post(gzipSync(body), { ...type, "content-encoding": "gzip" });

  expect([plain.status, zipped.status]).toEqual([200, 200]);
  expect(JSON.parse(plain.text)).toMatchObject({ name: "otel-ingestion-job" });
  expect(server.observations).toMatchObject([{ userId: "u", traceId: TRACE }]);
  expect((await post("no protobuf", type)).status).toBe(400);
});

test.each([
  ["an id that is none", { spanId: "x" }],
  ["no ids, as a log record has", { traceId: undefined, spanId: undefined }],
  ["an id of zeros", { traceId: "0".repeat(32) }],
  ["attributes that are no list", { attributes: { a: 1 } }],
])("one span with %s refuses the entire export", async (_, changes) => {
  const { send, server } = await setUp();

  expect((await send(span(), span({}, changes))).status).toBe(400);
  expect(server.observations).toEqual([]);
});

test.each(["5", "four"])("an ingestion version of %s gets 400", async (version) => {
  const { post } = await setUp();

  const answer = await post(exportOf(span()), { ...JSON_TYPE, "x-langfuse-ingestion-version": version });

  expect(answer.status).toBe(400);
  expect(answer.text).toContain("Unsupported x-langfuse-ingestion-version");
});

test("another content type gets 400, and what is no gzip too", async () => {
  const { post } = await setUp();

  expect((await post("x", { "content-type": "text/plain" })).status).toBe(400);
  expect((await post("x", { ...JSON_TYPE, "content-encoding": "gzip" })).status).toBe(400);
});

test("v2 has no OTLP route", async () => {
  const { send } = await setUp({ version: 2 });

  expect((await send(span())).status).toBe(404);
});

test("the same span three times is one row, and one with another start a second row", async () => {
  const { send, server } = await setUp();

  for (const _ of [1, 2, 3]) await send(span());
  expect(server.observations).toHaveLength(1);
  await send(span({}, { startTimeUnixNano: "1767225600500000000" }));

  expect(server.observations).toHaveLength(2);
});

test.each([
  [{ "langfuse.observation.type": "agent", "gen_ai.operation.name": "chat" }, "AGENT"],
  [{ "openinference.span.kind": "LLM" }, "GENERATION"],
  [{ "gen_ai.operation.name": "text_completion" }, "GENERATION"],
  [{ "gen_ai.operation.name": "embeddings" }, "EMBEDDING"],
  [{ "gen_ai.operation.name": "invoke_agent" }, "AGENT"],
  [{ "gen_ai.operation.name": "execute_tool" }, "TOOL"],
  [{ "gen_ai.tool.name": "search" }, "TOOL"],
  [{ "gen_ai.request.model": "m" }, "GENERATION"],
  [{}, "SPAN"],
])("a span with %o is of type %s", async (attributes, type) => {
  const { send, server } = await setUp();

  await send(span(attributes));

  expect(server.observations[0]?.type).toBe(type);
});

test("usage of the conventions is inclusive: an exclusive input like Anthropic's becomes 0", async () => {
  const { send, server } = await setUp();

  await send(
    span({
      "gen_ai.operation.name": "chat",
      "gen_ai.usage.input_tokens": 10,
      "gen_ai.usage.cache_read.input_tokens": 40,
      "gen_ai.usage.output_tokens": 30,
      "gen_ai.usage.reasoning.output_tokens": 20,
    }),
  );

  expect(server.observations[0]?.usageDetails).toEqual({
    input: 0,
    input_cached_tokens: 40,
    output: 10,
    output_reasoning_tokens: 20,
  });
});

test("usage_details win over the conventions' usage, word for word", async () => {
  const { send, server } = await setUp();

  await send(span({ "langfuse.observation.usage_details": '{"input":1}', "gen_ai.usage.input_tokens": 10 }));

  expect(server.observations[0]?.usageDetails).toEqual({ input: 1 });
});

test("usage and model of an agent's span are not read, or they would count twice", async () => {
  const { send, server } = await setUp();

  await send(
    span({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.request.model": "m",
      "langfuse.observation.usage_details": '{"input":1}',
    }),
  );

  expect(server.observations[0]).not.toHaveProperty("usageDetails");
  expect(server.observations[0]).not.toHaveProperty("model");
});

test("time_to_first_chunk of the conventions is not read, completion_start_time is", async () => {
  const { send, server } = await setUp();

  await send(span({ "gen_ai.response.time_to_first_chunk": 1 }));
  expect(server.observations[0]).not.toHaveProperty("completionStartTime");
  await send(span({ "langfuse.observation.completion_start_time": '"2026-01-01T00:00:00.500Z"' }));

  expect(server.observations[0]?.completionStartTime).toBe("2026-01-01T00:00:00.500Z");
});

test("level is what is said, else that of the status; facts of the trace come from any span", async () => {
  const { send, server } = await setUp();

  await send(
    span(
      {
        "user.id": "u",
        "session.id": "s",
        "langfuse.trace.tags": ["a", "b"],
        "langfuse.trace.metadata.k": "v",
        "deployment.environment.name": "prod",
      },
      { status: { code: 2, message: "boom" } },
    ),
  );

  expect(server.observations[0]).toMatchObject({
    level: "ERROR",
    statusMessage: "boom",
    userId: "u",
    sessionId: "s",
    tags: ["a", "b"],
    metadata: { k: "v" },
    environment: "prod",
  });
  expect(server.traces.get(TRACE)).toMatchObject({ name: "a span", userId: "u", metadata: { k: "v" } });
});
