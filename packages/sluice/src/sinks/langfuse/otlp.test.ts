import { gunzipSync } from "node:zlib";
import type { Event } from "@sluice/sdk";
import { spanIdOf, traceIdOf } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { outgoing } from "../../testing/outgoing.ts";
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

const setUp = (server: Parameters<typeof setUpMode>[0] = {}, changes: Record<string, unknown> = {}) =>
  setUpMode(server, changes);

test("over OTLP is the default, and a run is one complete span", async () => {
  const { send, langfuse } = await setUp({}, { release: "r1", version: "1.2", environment: "prod" });
  const event = ended(
    "r",
    {
      firstTokenTime: "2026-01-01T00:00:00.250Z",
      request: { model: "gpt-4.1", input: [{ role: "user", content: "Hi" }], params: { temperature: 0.5 } },
      response: { model: "gpt-4.1-2026", output: { role: "assistant", content: "Yo" } },
      usage: { input: 10, cacheRead: 4, output: 7, reasoning: 5, source: "provider" },
      cost: { inputUsd: 0.01, outputUsd: 0.02, totalUsd: 0.03, prices: "table", isEstimate: true },
    },
    { scope: { kind: "user", id: "u" }, session: { id: "s" }, tags: ["a", "b"], metadata: { plan: "pro" } },
  );

  const delivery = await send(event);

  expect(delivery).toEqual({ status: "delivered", httpStatus: 200 });
  expect(langfuse.requests[0]?.path).toBe("/api/public/otel/v1/traces");
  expect(langfuse.observations).toEqual([
    {
      id: spanIdOf("r"),
      traceId: TRACE,
      type: "GENERATION",
      name: "gpt-4.1-mini",
      startTime: START,
      endTime: END,
      completionStartTime: "2026-01-01T00:00:00.250Z",
      level: "DEFAULT",
      model: "gpt-4.1-2026",
      modelParameters: { temperature: 0.5 },
      usageDetails: { input: 10, input_cached_tokens: 4, output: 7, output_reasoning_tokens: 5, total: 26 },
      costDetails: { input: 0.01, output: 0.02, total: 0.03 },
      input: [{ role: "user", content: "Hi" }],
      output: { role: "assistant", content: "Yo" },
      metadata: { provider: "openai", cost_is_estimate: true, plan: "pro" },
      environment: "prod",
      release: "r1",
      version: "1.2",
      traceName: "gpt-4.1-mini",
      userId: "u",
      sessionId: "s",
      tags: ["a", "b"],
    },
  ]);
  expect(langfuse.traces.get(TRACE)).toMatchObject({
    name: "gpt-4.1-mini",
    userId: "u",
    sessionId: "s",
    tags: ["a", "b"],
    metadata: { plan: "pro" },
    input: [{ role: "user", content: "Hi" }],
    output: { role: "assistant", content: "Yo" },
  });
});

test("its headers ask for v4's own way in, and do not pass for an SDK of Langfuse's", async () => {
  const { send, langfuse } = await setUp();

  await send(ended("r"));

  expect(langfuse.requests[0]?.headers).toMatchObject({
    "x-langfuse-ingestion-version": "4",
    "x-langfuse-sdk-name": "sluice",
  });
  expect(langfuse.requests[0]?.headers).not.toHaveProperty("content-encoding");
});

test("with gzip = true spans go compressed, and say the same", async () => {
  const plain = await setUp();
  const small = await setUp({}, { gzip: true });

  await plain.send(ended("r"));
  await small.send(ended("r"));

  const [request] = small.langfuse.requests;
  expect(request?.headers).toMatchObject({ "content-encoding": "gzip" });
  expect(gunzipSync(request?.body ?? "")).toEqual(plain.langfuse.requests[0]?.body);
  expect(small.langfuse.observations).toEqual(plain.langfuse.observations);
});

test("what concerns the trace is on every span, because v4 looks for it there", async () => {
  const { send, langfuse } = await setUp();
  const envelope: Partial<Event> = {
    scope: { kind: "user", id: "u" },
    session: { id: "s" },
    tags: ["a"],
    metadata: { plan: "pro", trace_name: "checkout" },
  };

  await send(
    ended("child", {}, { ...envelope, parentRunId: "root" }),
    called("child", envelope),
    ended("root", { type: "agent" }, envelope),
  );

  const everywhere = {
    userId: "u",
    sessionId: "s",
    tags: ["a"],
    traceName: "checkout",
    metadata: { plan: "pro" },
  };
  expect(langfuse.observations).toMatchObject([everywhere, everywhere, everywhere]);
  expect(langfuse.observations.map(({ type, parentObservationId }) => [type, parentObservationId])).toEqual([
    ["GENERATION", spanIdOf("root")],
    ["TOOL", spanIdOf("child")],
    ["AGENT", undefined],
  ]);
});

test.each([
  ["llm", "GENERATION"],
  ["agent", "AGENT"],
  ["chain", "CHAIN"],
  ["tool", "TOOL"],
  ["retriever", "RETRIEVER"],
  ["embedding", "EMBEDDING"],
  ["ritual", "SPAN"],
])("a run of type %s is an observation of type %s, under its own name", async (type, stored) => {
  const { send, langfuse } = await setUp();

  await send(ended("r", { type, name: "the name" }));

  expect(langfuse.observations).toMatchObject([{ type: stored, name: "the name" }]);
});

test.each([
  ["agent", undefined],
  ["chain", undefined],
  ["llm", { input: 1, output: 2, total: 3 }],
])(
  "usage of the %s of a trace is sent as %o, as what an agent's calls used would count twice",
  async (type, details) => {
    const { send, langfuse } = await setUp();

    await send(ended("r", { type, usage: { input: 1, output: 2, source: "provider" } }));

    expect(langfuse.observations[0]?.usageDetails).toEqual(details);
  },
);

test("a tool that the model asked for is a child of its generation, with an id of its event's", async () => {
  const { send, langfuse } = await setUp();

  await send(called("r"));

  expect(langfuse.observations).toMatchObject([
    {
      id: spanIdOf("r-tool"),
      parentObservationId: spanIdOf("r"),
      type: "TOOL",
      name: "search",
      startTime: END,
      endTime: END,
      input: { q: "foxes" },
      metadata: { tool_call_id: "call_1" },
    },
  ]);
});

test.each([
  ["error", { error: { message: "boom" } }, "ERROR", "boom"],
  ["cancelled", { reason: "client_gone" }, "WARNING", "cancelled: client_gone"],
  ["incomplete", { reason: "crash" }, "WARNING", "incomplete: crash"],
] as const)(
  "a run that is %s keeps its partial output, and says so",
  async (status, run, level, statusMessage) => {
    const { send, langfuse } = await setUp();

    await send(ended("r", { status, ...run }));

    expect(langfuse.observations[0]).toMatchObject({ level, statusMessage, output: { content: "Hi!" } });
  },
);

test("a hit in a cache, a failed initialisation and an event of one's own are below their run", async () => {
  const { send, langfuse } = await setUp();
  const at = { time: END, runId: "r", traceId: TRACE };

  await send(
    { id: "1", kind: "cache.hit", ...at, data: { key: "k" } },
    { id: "2", kind: "init.failed", ...at, data: { error: "refused" } },
    { id: "3", kind: "order.placed", ...at, data: { amount: 12.5 } },
  );

  expect(langfuse.observations).toMatchObject([
    { type: "SPAN", name: "cache.hit", metadata: { cache: "hit" }, parentObservationId: spanIdOf("r") },
    { type: "EVENT", name: "llm.init", level: "ERROR", statusMessage: "refused" },
    { type: "EVENT", name: "order.placed", input: { amount: 12.5 } },
  ]);
  expect(langfuse.observations[0]).not.toHaveProperty("usageDetails");
});

test("spans are written once: nothing is sent for a start, a stream's step, or an end that came late", async () => {
  const { send, langfuse } = await setUp();
  const step = { id: "1", kind: "stream.TextDelta", time: END, data: { text: "H" } };

  const delivery = await send(started("r"), ended("r", { revision: 2 }), step);

  expect(delivery).toMatchObject({
    each: [
      { status: "skipped", reason: "sent_with_end" },
      { status: "skipped", reason: "late" },
      { status: "skipped", reason: "unmapped" },
    ],
  });
  expect(langfuse.requests).toEqual([]);
});

test("a trace id that is none to OTLP becomes the same one each time, also for its scores", async () => {
  const { send, langfuse } = await setUp();
  const event = ended("r", {}, { traceId: "scroll-1" });

  await send(event, scored("r", 1, { traceId: "scroll-1" }));

  const traceId = traceIdOf(event);
  expect(langfuse.observations).toMatchObject([{ traceId }]);
  expect([...langfuse.scores.values()]).toMatchObject([{ traceId, observationId: spanIdOf("r") }]);
});

test("sent again by another process, a span is the same bytes, and one row", async () => {
  const { langfuse, send, reopen } = await setUp();
  const events = [ended("r"), called("r")];
  langfuse.script("loseAnswer");

  expect(await send(...events)).toMatchObject({ status: "retry" });
  const again = await reopen();
  await again.send(events.map(outgoing), new AbortController().signal);

  const [first, second] = langfuse.requests.map(({ body }) => body.toString());
  expect(second).toBe(first);
  expect(langfuse.observations).toHaveLength(2);
});

test.each([
  [400, "rejected"],
  [401, "blocked"],
  [403, "blocked"],
  [408, "retry"],
  [413, "tooLarge"],
  [429, "retry"],
  [502, "retry"],
  [503, "retry"],
] as const)("an answer of %i is %s", async (status, outcome) => {
  const { send, langfuse } = await setUp();
  langfuse.script({ status });

  expect(await send(ended("a"), ended("b"))).toMatchObject({ status: outcome });
});

test("a 500 is tried again, unlike elsewhere in OTLP: it is Langfuse's storage in trouble", async () => {
  const { send, langfuse } = await setUp();
  langfuse.script({ status: 500 });

  expect(await send(ended("r"))).toMatchObject({ status: "retry" });
});

test("a body that is no JSON is no success, and a job is, whatever stands in it", async () => {
  const { send, langfuse } = await setUp();
  langfuse.script("lie", { body: { anything: 1 } });

  expect(await send(ended("r"))).toMatchObject({ status: "retry" });
  expect(await send(ended("r"))).toMatchObject({ status: "delivered" });
});

test("a server without OTLP blocks, with the mode that it needs", async () => {
  const { send } = await setUp({ version: 2 });

  expect(await send(ended("r"))).toMatchObject({
    status: "blocked",
    reason: expect.stringContaining('mode = "ingestion"'),
  });
});

test("more than 4 MB is too large for one request, and a span that is so alone is tried", async () => {
  const { send, langfuse } = await setUp();
  const sized = (id: string, chars: number) => ended(id, { request: { input: "x".repeat(chars) } });

  expect(await send(sized("a", 2_100_000), sized("b", 2_100_000))).toMatchObject({ status: "tooLarge" });
  expect(langfuse.requests).toEqual([]);
  expect(await send(sized("a", 4_100_000))).toMatchObject({ status: "delivered" });
});

test("one event that is none costs its neighbours nothing", async () => {
  const { send, langfuse } = await setUp();
  const nonsense = { ...ended("x"), time: "yesterday" };

  expect(await send(nonsense, ended("r"))).toMatchObject({
    each: [{ status: "rejected" }, { status: "delivered" }],
  });
  expect(langfuse.observations).toHaveLength(1);
});
