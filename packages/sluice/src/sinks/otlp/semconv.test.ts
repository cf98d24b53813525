import type { Event, Json, JsonObject, Run, Usage } from "@sluice/sdk";
import { decodeEvent } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { llmRun } from "../../testing/outgoing.ts";
import { semconv } from "./semconv.ts";

const base = llmRun({ runId: "run-1" });

function attributesOf(run: Partial<Run>, event: Partial<Event> = {}, content = false) {
  const whole: Run = { type: "llm", ...base.run, ...run };
  return semconv({ content })({ ...base, ...event, run: whole }, whole);
}

const asked = (params: JsonObject) => attributesOf({ request: { model: "m", params } });

test("a call has the names of semconv v1.41, and nothing that was said", () => {
  const attributes = attributesOf(
    {
      startTime: "2026-01-01T00:00:00Z",
      firstTokenTime: "2026-01-01T00:00:00.7Z",
      request: { model: "gpt-5", input: "secret words", params: { temperature: 0.5 }, stream: true },
      response: { id: "chatcmpl-1", model: "gpt-5-2026", output: "secret words", finishReasons: ["stop"] },
      cost: { totalUsd: 0.25, prices: "table" },
      http: { status: 200 },
    },
    { scope: { kind: "user", id: "ann", props: { plan: "pro" } }, session: { id: "s-1" }, tags: ["a", "b"] },
  );

  expect(attributes).toEqual({
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.request.stream": true,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.model": "gpt-5-2026",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.time_to_first_chunk": 0.7,
    "http.response.status_code": 200,
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": 2,
    "gen_ai.usage.cost": 0.25,
    "sluice.cost.prices": "table",
    "sluice.run.type": "llm",
    "sluice.run.status": "ok",
    "gen_ai.conversation.id": "s-1",
    "session.id": "s-1",
    "user.id": "ann",
    "sluice.run.id": "run-1",
    "sluice.tags": ["a", "b"],
    "sluice.user.plan": "pro",
  });
});

const usages: readonly [string, Usage, object][] = [
  [
    "OpenAI, whose totals include what was cached and thought",
    { input: 60, cacheRead: 40, output: 7, reasoning: 5, source: "provider" },
    { input_tokens: 100, output_tokens: 12, "cache_read.input_tokens": 40, "reasoning.output_tokens": 5 },
  ],
  [
    "Anthropic, whose input_tokens exclude the cache",
    { input: 10, cacheRead: 80, cacheWrite5m: 5, cacheWrite1h: 5, output: 7, source: "provider" },
    {
      input_tokens: 100,
      output_tokens: 7,
      "cache_read.input_tokens": 80,
      "cache_creation.input_tokens": 10,
    },
  ],
  [
    "LM Studio, whose total output includes what was thought",
    { input: 10, output: 5, reasoning: 8, source: "provider" },
    { input_tokens: 10, output_tokens: 13, "reasoning.output_tokens": 8 },
  ],
  ["Ollama, all of whose prompt was cached", { output: 7, source: "provider" }, { output_tokens: 7 }],
];

test.each(usages)("usage is told in totals, whatever the provider counts: %s", (_, usage, expected) => {
  const told = Object.entries(attributesOf({ usage })).filter(([name]) => name.startsWith("gen_ai.usage."));

  expect(
    Object.fromEntries(told.map(([name, value]) => [name.slice("gen_ai.usage.".length), value])),
  ).toEqual(expected);
});

test("the parts of a total that have a price and no name in the conventions go by ours", () => {
  const counts = { input: 1, cacheWrite5m: 2, cacheWrite1h: 4, audioInput: 8, output: 16, audioOutput: 32 };

  const attributes = attributesOf({ usage: { ...counts, source: "provider" } });

  expect(attributes).toMatchObject({
    "gen_ai.usage.input_tokens": 15,
    "gen_ai.usage.cache_creation.input_tokens": 6,
    "sluice.usage.cache_creation_1h.input_tokens": 4,
    "sluice.usage.audio.input_tokens": 8,
    "gen_ai.usage.output_tokens": 48,
    "sluice.usage.audio.output_tokens": 32,
  });
});

test("what is not known is absent, never 0", () => {
  const { usage: _, ...run } = base.run ?? { type: "llm" };
  const names = Object.keys(semconv({ content: true })(base, run));

  expect(names.filter((name) => /usage|cost|first_chunk|error/.test(name))).toEqual([]);
});

test("counts that are not the provider's say so, and so does a cost that is an estimate", () => {
  const usage = { input: 1, output: 1, source: "estimated" } as const;

  expect(attributesOf({ usage, cost: { totalUsd: 1, prices: "table", isEstimate: true } })).toMatchObject({
    "sluice.usage.source": "estimated",
    "sluice.cost.is_estimate": true,
  });
});

test("an agent counts no tokens: a backend that adds up its spans would count them twice", () => {
  const usage = { input: 1, output: 1, source: "provider" } as const;
  const names = Object.keys(attributesOf({ type: "agent", usage, cost: { totalUsd: 1, prices: "table" } }));

  expect(names.filter((name) => name.startsWith("gen_ai.usage"))).toEqual([]);
});

test.each<[string, JsonObject, object]>([
  ["OpenAI's", { max_completion_tokens: 9, stop: "END", n: 2, seed: 7 }, { max_tokens: 9, seed: 7 }],
  ["Anthropic's", { max_tokens: 9, top_k: 3, stop_sequences: ["a"] }, { max_tokens: 9, top_k: 3 }],
  ["Gemini's", { generationConfig: { maxOutputTokens: 9, topP: 0.5 } }, { max_tokens: 9, top_p: 0.5 }],
  ["Ollama's", { options: { num_predict: 9, temperature: 0 } }, { max_tokens: 9, temperature: 0 }],
])("%s parameters have one name", (_, params, expected) => {
  const named = Object.entries(expected).map(([name, value]) => [`gen_ai.request.${name}`, value]);

  expect(asked(params)).toMatchObject(Object.fromEntries(named));
});

test("a parameter of another form than its name says is left out", () => {
  const names = Object.keys(asked({ temperature: "hot", stop: [1], seed: null, response_format: "json" }));

  expect(names.filter((name) => name.startsWith("gen_ai.request."))).toEqual(["gen_ai.request.model"]);
});

test("a name that every object has is nobody's operation, format or reason", () => {
  const run = {
    operation: "constructor",
    request: { params: { response_format: { type: "constructor" } } },
    response: { output: "Hi", finishReasons: ["constructor"] },
  };

  expect(attributesOf(run, {}, true)).toMatchObject({
    "gen_ai.operation.name": "chat",
    "gen_ai.output.messages": expect.stringContaining('"finish_reason":"constructor"'),
  });
  expect(attributesOf(run)).not.toHaveProperty(["gen_ai.output.type"]);
});

test.each<[JsonObject, string]>([
  [{ response_format: { type: "json_schema", json_schema: {} } }, "json"],
  [{ text: { format: { type: "text" } } }, "text"],
  [{ modalities: ["text", "audio"] }, "speech"],
  [{ generationConfig: { responseMimeType: "application/json" } }, "json"],
])("the output type of %j is %s", (params, type) => {
  expect(asked(params)).toMatchObject({ "gen_ai.output.type": type });
});

test.each<[string, Partial<Run>, string | undefined]>([
  ["the error's own type", { status: "error", error: { message: "x", type: "T", status: 500 } }, "T"],
  ["the HTTP status", { status: "error", error: { message: "x", status: 503 } }, "503"],
  ["no word at all", { status: "error", error: { message: "x" } }, "_OTHER"],
  ["an incomplete run", { status: "incomplete", reason: "crash" }, "incomplete"],
  ["success", { status: "ok" }, undefined],
])("error.type of %s is %s", (_, run, type) => {
  expect(attributesOf(run)["error.type"]).toBe(type);
});

test("the system has no user id", () => {
  expect(attributesOf({}, { scope: { kind: "system" } })).not.toHaveProperty("user.id");
});

test("metadata stands behind a prefix, each leaf an attribute that a backend can store", () => {
  const event = decodeEvent(
    Buffer.from(
      '{"id":"e","kind":"run.ended","time":"2026-01-01T00:00:00Z","run":{"type":"llm"},"metadata":' +
        '{"a":{"b":1.0,"big":9007199254740993,"none":null},"list":["x","y"],"mixed":[1,"x"],"deep":[{"c":1}],' +
        '"__proto__":{"polluted":1}}}',
    ),
  );

  const attributes = semconv({ content: false })(event, event.run);

  expect(attributes).toMatchObject({
    "sluice.meta.a.b": 1,
    "sluice.meta.a.big": 9_007_199_254_740_993n,
    "sluice.meta.list": ["x", "y"],
    "sluice.meta.mixed": '[1,"x"]',
    "sluice.meta.deep": '[{"c":1}]',
    "sluice.meta.__proto__.polluted": 1,
  });
  expect(attributes).not.toHaveProperty(["sluice.meta.a.none"]);
});

test("metadata with very many leaves is one JSON text, so that it does not push out the rest", () => {
  const metadata = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, index]));

  expect(attributesOf({}, { metadata })["sluice.meta"]).toBe(JSON.stringify(metadata));
});

test.each<[Run["type"], Json, Json, object]>([
  ["tool", { q: "fox" }, "found", { "tool.call.arguments": '{"q":"fox"}', "tool.call.result": "found" }],
  ["retriever", "fox", [{ id: 1 }], { "retrieval.query.text": "fox", "retrieval.documents": '[{"id":1}]' }],
])("a %s tells its own content, where it is asked for", (type, input, output, expected) => {
  const named = Object.entries(expected).map(([name, value]) => [`gen_ai.${name}`, value]);
  const run = { type, request: { input }, response: { output } };

  expect(attributesOf(run, {}, true)).toMatchObject(Object.fromEntries(named));
  expect(Object.keys(attributesOf(run)).filter((name) => /call|text|documents/.test(name))).toEqual([]);
});
