import { afterEach, expect, test } from "vitest";
import {
  called,
  closeAll,
  END,
  ended,
  START,
  scored,
  setUp as setUpMode,
  started,
  TRACE,
} from "./langfuse.test-support.ts";

afterEach(closeAll);

const setUp = (
  server: Parameters<typeof setUpMode>[0] = { version: 3 },
  changes: Record<string, unknown> = {},
) => setUpMode(server, { mode: "ingestion", ...changes });

/** As the bus dialect leaves the seed's events: a session with a connector, and the trace that it is bound to. */
const BUS = { origin: { dialect: "bus" }, session: { connector: "c", nativeId: "s" } };

const itemsOf = (body: unknown) =>
  Object(body).batch as readonly { type: string; id: string; body: object }[];

test("the fifth seed's mapping: SessionCreated, MessageStarted, MessageCompleted", async () => {
  const { send, langfuse, bodies } = await setUp();
  const scroll = { ...BUS, traceId: "scroll-1" };
  const session = {
    id: "e1",
    kind: "session.created",
    time: START,
    ...scroll,
    metadata: { editor: "vscode" },
  };

  const delivery = await send(session, started("m", {}, scroll), ended("m", {}, scroll));

  expect(delivery.status).toBe("delivered");
  expect(itemsOf(bodies()[0]).map(({ type }) => type)).toEqual([
    "trace-create",
    "generation-create",
    "generation-update",
  ]);
  expect(langfuse.traces.get("scroll-1")).toMatchObject({ sessionId: "s", metadata: { editor: "vscode" } });
  expect(langfuse.observations).toMatchObject([{ id: "m", traceId: "scroll-1", type: "GENERATION" }]);
});

test("what has no trace is skipped: an event that the bus could not bind, and one of no run", async () => {
  const { send, langfuse } = await setUp();
  const { traceId: _, ...unbound } = ended("m", {}, BUS);
  const session = { id: "e1", kind: "session.created", time: START, ...BUS };
  const custom = { id: "e2", kind: "order.placed", time: START };

  expect(await send(unbound, session, custom)).toEqual({ status: "skipped", reason: "no_trace" });
  expect(langfuse.requests).toEqual([]);
});

test("a run without a trace id is a trace of its own", async () => {
  const { send, langfuse } = await setUp();
  const { traceId: _, ...run } = ended("r");

  await send(run);

  expect(langfuse.traces.get("r")).toMatchObject({ name: "gpt-4.1-mini" });
  expect(langfuse.observations).toMatchObject([{ id: "r", traceId: "r" }]);
});

test("a run arrives with all that Langfuse has a place for", async () => {
  const { send, langfuse } = await setUp();
  const event = ended(
    "r",
    {
      firstTokenTime: "2026-01-01T00:00:00.250Z",
      request: {
        model: "gpt-4.1",
        input: [{ role: "user", content: "Hi" }],
        params: { temperature: 0.5 },
        stream: true,
      },
      response: {
        model: "gpt-4.1-2026",
        output: { role: "assistant", content: "Yo" },
        finishReasons: ["stop"],
      },
      usage: {
        input: 10,
        cacheRead: 4,
        cacheWrite5m: 1,
        cacheWrite1h: 2,
        output: 7,
        reasoning: 5,
        source: "provider",
      },
      cost: { inputUsd: 0.01, outputUsd: 0.02, totalUsd: 0.03, prices: "table" },
    },
    {
      scope: { kind: "user", id: "u" },
      session: { id: "s" },
      tags: ["a"],
      metadata: { plan: "pro", environment: "Prod/EU", release: "r1" },
    },
  );

  await send(event);

  expect(langfuse.observations).toEqual([
    {
      id: "r",
      traceId: TRACE,
      type: "GENERATION",
      name: "gpt-4.1-mini",
      startTime: START,
      endTime: END,
      completionStartTime: "2026-01-01T00:00:00.250Z",
      level: "DEFAULT",
      environment: "prod-eu",
      model: "gpt-4.1-2026",
      modelParameters: { temperature: 0.5, stream: true },
      usageDetails: {
        input: 10,
        input_cached_tokens: 4,
        input_cache_creation: 1,
        input_cache_creation_1h: 2,
        output: 7,
        output_reasoning_tokens: 5,
        total: 29,
      },
      costDetails: { input: 0.01, output: 0.02, total: 0.03 },
      input: [{ role: "user", content: "Hi" }],
      output: { role: "assistant", content: "Yo" },
      metadata: { provider: "openai", finish_reasons: ["stop"], ...event.metadata },
    },
  ]);
  expect(langfuse.traces.get(TRACE)).toMatchObject({
    name: "gpt-4.1-mini",
    userId: "u",
    sessionId: "s",
    tags: ["a"],
    release: "r1",
    timestamp: START,
    input: [{ role: "user", content: "Hi" }],
    output: { role: "assistant", content: "Yo" },
  });
});

test.each([
  ["agent", "AGENT"],
  ["tool", "TOOL"],
  ["chain", "CHAIN"],
  ["retriever", "RETRIEVER"],
  ["embedding", "EMBEDDING"],
] as const)(
  "a run of type %s is created twice under one id, as there is no %s-update",
  async (type, stored) => {
    const { send, langfuse, bodies } = await setUp();
    const child = { parentRunId: "above" };

    await send(started("r", { type, name: "n" }, child), ended("r", { type, name: "n" }, child));

    expect(itemsOf(bodies()[0]).map((item) => item.type)).toEqual([`${type}-create`, `${type}-create`]);
    expect(langfuse.observations).toMatchObject([
      { id: "r", type: stored, startTime: START, endTime: END, parentObservationId: "above" },
    ]);
  },
);

test("a server that knows no tool-create gets spans from then on, and nothing is lost", async () => {
  const { send, langfuse } = await setUp({ version: 2 });
  const tool = ended("t", { type: "tool", name: "search" }, { parentRunId: "r" });

  const first = await send(ended("r"), tool);
  expect(first).toMatchObject({
    status: "mixed",
    each: [{ status: "delivered" }, { status: "retry", reason: expect.stringContaining("tool-create") }],
  });
  expect(await send(tool)).toMatchObject({ status: "delivered" });

  expect(langfuse.observations).toMatchObject([{ id: "r" }, { id: "t", type: "SPAN", name: "search" }]);
});

test("a tool that the model asked for is a child observation of its generation", async () => {
  const { send, langfuse } = await setUp();

  await send(ended("r"), called("r"));

  expect(langfuse.observations.find(({ id }) => id !== "r")).toMatchObject({
    id: "r-tool",
    type: "TOOL",
    name: "search",
    parentObservationId: "r",
    traceId: TRACE,
    input: '{"q":"foxes"}',
    metadata: { tool_call_id: "call_1" },
  });
});

test.each([
  ["error", { error: { message: "boom", type: "rate_limit" } }, "ERROR", "boom"],
  ["cancelled", { reason: "client_gone" }, "WARNING", "cancelled: client_gone"],
  ["incomplete", {}, "WARNING", "incomplete"],
] as const)(
  "a run that is %s keeps its partial output, and says so",
  async (status, run, level, statusMessage) => {
    const { send, langfuse } = await setUp();

    await send(ended("r", { status, ...run }));

    expect(langfuse.observations[0]).toMatchObject({ level, statusMessage, output: { content: "Hi!" } });
  },
);

test("parameters that are nested fail no item: they go as JSON text", async () => {
  const { send, langfuse } = await setUp();
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
  const params = { tools, stop: ["a", "b"], logit_bias: { 1: 2 }, seed: null, n: 1 };

  expect(await send(ended("r", { request: { params } }))).toMatchObject({ status: "delivered" });

  expect(langfuse.observations[0]?.modelParameters).toEqual({
    tools: JSON.stringify(tools),
    stop: ["a", "b"],
    logit_bias: '{"1":2}',
    n: 1,
  });
});

test("usage never goes through in a provider's shape, in which its counts would be lost", async () => {
  const { send, langfuse } = await setUp();
  const raw = { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 5 };

  await send(ended("r", { usage: { input: 10, cacheRead: 90, output: 5.4, source: "provider", raw } }));

  expect(langfuse.observations[0]?.usageDetails).toEqual({
    input: 10,
    input_cached_tokens: 90,
    output: 5,
    total: 105,
  });
});

test("an unknown count, an unknown price and a side that is not known are absent, never 0", async () => {
  const { send, langfuse } = await setUp();

  await send(
    ended("none", { usage: { source: "provider" } }),
    ended("half", { usage: { output: 3, source: "counted" } }),
  );

  expect(langfuse.observations.map(({ usageDetails, costDetails }) => [usageDetails, costDetails])).toEqual([
    [undefined, undefined],
    [{ output: 3 }, undefined],
  ]);
});

test("every timestamp has a zone, and every trace an id: without, it would be lost inside a success", async () => {
  const { send, bodies } = await setUp();
  const time = "2026-01-01T00:00:01.123456789+00:00";

  await send(
    started("r", { startTime: "nonsense" }),
    ended("r", { firstTokenTime: time }, { time }),
    called("r"),
  );

  const items = itemsOf(bodies()[0]);
  for (const match of JSON.stringify(items).matchAll(/"(?:timestamp|\w+Time)":"([^"]*)"/g)) {
    expect(match[1]).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
  }
  expect(items.every(({ body }) => "id" in body)).toBe(true);
});

test("a request has at most 32 items, whole events, and creates before their updates", async () => {
  const { send, bodies } = await setUp();
  const runs = Array.from({ length: 20 }, (_, index) => `r${index}`);

  await send(...runs.flatMap((id) => [started(id), ended(id)]).slice(0, 32));

  const requests = bodies().map(itemsOf);
  expect(requests.map((items) => items.length)).toEqual([32, 32]);
});

test("an item over 1 MiB goes alone, over 4.5 MB nothing goes, and a request stays below 2.5 MB", async () => {
  const { send, langfuse } = await setUp();
  const sized = (id: string, chars: number) =>
    ended(id, { request: { input: "x".repeat(chars) } }, { parentRunId: "above" });

  expect(await send(sized("a", 1_100_000), ended("b"))).toMatchObject({ status: "tooLarge" });
  expect(langfuse.requests).toEqual([]);
  expect(await send(sized("large", 4_000_000))).toMatchObject({ status: "delivered" });
  expect(await send(sized("larger", 4_800_000))).toMatchObject({ status: "tooLarge", httpStatus: 413 });
  expect(langfuse.observations.map(({ id }) => id)).toEqual(["large"]);
  expect(await send(sized("a", 900_000), sized("b", 900_000), sized("c", 900_000))).toMatchObject({
    status: "delivered",
  });

  const sizes = langfuse.requests.slice(2).map(({ body }) => body.length);
  expect(sizes).toHaveLength(2);
  expect(Math.max(...sizes)).toBeLessThan(2_500_000);
});

test("the end of a run that v2 gets behind its start keeps its usage: one request after the other", async () => {
  const { send, langfuse } = await setUp({ version: 2, processingMs: 20 });
  const runs = Array.from({ length: 16 }, (_, index) => `r${index}`);

  await send(...runs.map((id) => started(id)), ...runs.map((id) => ended(id)));

  expect(langfuse.observations.map(({ usageDetails }) => usageDetails)).toEqual(
    runs.map(() => ({ input: 5, output: 2, total: 7 })),
  );
});

test("sent again by another process, the same events are the same bytes and change nothing", async () => {
  const { send, langfuse, reopen, bodies } = await setUp();
  const events = [started("r"), ended("r"), called("r"), scored("r", { name: "n", value: true })];

  await send(...events);
  const before = JSON.stringify([langfuse.observations, [...langfuse.traces], [...langfuse.scores]]);
  const again = await reopen();
  await again.send(
    events.map((event) => ({ id: event.id, raw: Buffer.from(""), event })),
    new AbortController().signal,
  );

  expect(bodies()[1]).toEqual(bodies()[0]);
  expect(langfuse.requests[1]?.body.equals(langfuse.requests[0]?.body ?? Buffer.from(""))).toBe(true);
  expect(JSON.stringify([langfuse.observations, [...langfuse.traces], [...langfuse.scores]])).toBe(before);
});

test("a score hangs on its run, under an id that makes a second one its update", async () => {
  const { send, langfuse } = await setUp();
  const score = scored("r", { name: "helpful", value: true, comment: "yes" });

  await send(ended("r"), score);
  await send({ ...score, time: START });

  expect([...langfuse.scores.values()]).toMatchObject([
    { name: "helpful", value: 1, dataType: "BOOLEAN", traceId: TRACE, observationId: "r", comment: "yes" },
  ]);
});

test("a run that hangs below somebody else's span names it, and its trace is there without a name", async () => {
  const { send, langfuse } = await setUp();

  await send(ended("r", {}, { parentSpanId: "00f067aa0ba902b7", tags: ["a"] }));

  expect(langfuse.observations[0]?.parentObservationId).toBe("00f067aa0ba902b7");
  const trace = langfuse.traces.get(TRACE);
  expect(trace).toMatchObject({ tags: ["a"] });
  expect(trace).not.toHaveProperty("name");
  expect(trace).not.toHaveProperty("input");
});

test("the ingestion route gets plain JSON: v2 answers gzip with 400", async () => {
  const { send, langfuse } = await setUp({ version: 2 });

  expect(await send(ended("r"))).toMatchObject({ status: "delivered", httpStatus: 207 });

  expect(langfuse.requests[0]?.headers).not.toHaveProperty("content-encoding");
  expect(langfuse.requests[0]?.headers["content-type"]).toBe("application/json");
});

test("an end that came late, after its run was closed, is an update of it", async () => {
  const { send, langfuse } = await setUp();
  const late = ended("r", { revision: 2, status: "ok" }, { id: "late" });

  await send(ended("r", { status: "incomplete", reason: "timeout", response: {} }));
  await send(late);

  expect(langfuse.observations).toMatchObject([
    { id: "r", level: "DEFAULT", statusMessage: "", output: { content: "Hi!" } },
  ]);
});

test("a piece of an end is skipped, and an end before its start ends with it", async () => {
  const { send, langfuse } = await setUp();
  const { startTime: _, ...run } = ended("piece").run ?? { type: "llm" };

  expect(await send({ ...ended("piece"), run })).toEqual({ status: "skipped", reason: "partial" });
  await send(ended("r", { startTime: END }, { time: START }));

  expect(langfuse.observations).toMatchObject([{ id: "r", startTime: END, endTime: END }]);
});
