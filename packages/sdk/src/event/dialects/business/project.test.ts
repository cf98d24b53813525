import { expect, test } from "vitest";
import { decodeEvent } from "../../codec.ts";
import type { Event, Run } from "../../event.ts";
import { deriveId } from "../../ids.ts";
import { toBusinessEvents } from "./business.ts";

const startTime = "2026-11-21T05:00:00.000Z";
const time = "2026-11-21T05:00:01.500Z";
const call: Run = {
  type: "llm",
  provider: "openai",
  name: "gpt-4o",
  startTime,
  request: { model: "gpt-4o" },
};
const envelope = { id: "e-1", time, runId: "r-1", session: { id: "s-1" } } as const;

function ended(run: Partial<Run>, more: Partial<Event> = {}): Event {
  return { ...envelope, ...more, kind: "run.ended", run: { ...call, ...run } };
}

test("the start of a call is a request, at the time it was made", () => {
  const scope = { kind: "user", id: "user_123" } as const;
  const metadata = { llm_path: "chat/answer", model: "not this one" };

  const events = toBusinessEvents({ ...envelope, kind: "run.started", run: call, scope, metadata });

  expect(events).toEqual([
    {
      id: deriveId("e-1", "llm_request"),
      event_type: "llm_request",
      metadata: { provider: "openai", model: "gpt-4o", session_id: "s-1", llm_path: "chat/answer" },
      created_at: startTime,
      scope,
    },
  ]);
});

test("an answer names the model that gave it, all tokens, and what the cache held", () => {
  const usage = { input: 20, cacheRead: 100, output: 5, reasoning: 4, source: "provider" } as const;

  const events = toBusinessEvents(ended({ status: "ok", response: { model: "gpt-4o-2024-08-06" }, usage }));

  const model = { provider: "openai", model: "gpt-4o-2024-08-06" };
  const tokens = { input_tokens: 120, output_tokens: 9, duration_ms: 1_500, cache_read_tokens: 100 };
  expect(events.map(({ event_type, metadata }) => [event_type, metadata])).toEqual([
    ["llm_response", { ...model, ...tokens, session_id: "s-1" }],
    ["cache_hit", { ...model, cache_read_tokens: 100, session_id: "s-1" }],
  ]);
});

test.each([
  [{ input: 5, cacheRead: 0 }, ["llm_response", "cache_miss"], { input_tokens: 5, cache_read_tokens: 0 }],
  [{ input: 5 }, ["llm_response"], { input_tokens: 5 }],
  [{}, ["llm_response"], {}],
])("of usage %j only what is known is told", (usage, types, tokens) => {
  const events = toBusinessEvents(ended({ status: "ok", usage: { ...usage, source: "provider" } }));

  expect(events.map(({ event_type }) => event_type)).toEqual(types);
  const call = { provider: "openai", model: "gpt-4o", duration_ms: 1_500, session_id: "s-1" };
  expect(events[0]?.metadata).toEqual({ ...call, ...tokens });
});

test("tokens are told as Anthropic tells them, where it was Anthropic", () => {
  const usage = {
    input: 10,
    cacheRead: 2_000,
    cacheWrite5m: 60,
    cacheWrite1h: 40,
    source: "provider",
  } as const;

  const [response] = toBusinessEvents(ended({ status: "ok", provider: "anthropic", usage }));

  const expected = { input_tokens: 10, cache_creation_tokens: 100, cache_read_tokens: 2_000 };
  expect(response?.metadata).toMatchObject(expected);
});

test.each([
  [
    { status: "error", error: { message: "429", code: "rate_limit" } },
    { error: "429", error_code: "rate_limit" },
  ],
  [
    { status: "cancelled", reason: "client_gone" },
    { error: "client_gone", status: "cancelled", reason: "client_gone" },
  ],
  [{ status: "incomplete" }, { error: "incomplete", status: "incomplete" }],
] as const)("a call that ended as %j is an error", (run, facts) => {
  const [event, ...more] = toBusinessEvents(ended(run));

  expect(more).toEqual([]);
  expect(event?.event_type).toBe("llm_error");
  const call = { provider: "openai", model: "gpt-4o", duration_ms: 1_500, session_id: "s-1" };
  expect(event?.metadata).toEqual({ ...call, ...facts });
});

test("other runs are told of only if they fail", () => {
  const tool = { type: "tool", name: "search", startTime };
  const failed = { ...tool, status: "error", error: { message: "no net" } } as const;
  const started: Event = { ...envelope, kind: "run.started", run: tool };

  expect(toBusinessEvents(started)).toEqual([]);
  expect(toBusinessEvents({ ...envelope, kind: "run.ended", run: { ...tool, status: "ok" } })).toEqual([]);
  expect(toBusinessEvents({ ...envelope, kind: "run.ended", run: failed })).toMatchObject([
    {
      event_type: "error",
      metadata: { run_type: "tool", name: "search", error: "no net", duration_ms: 1_500 },
    },
  ]);
});

test("a failed initialisation is an error, and a cache asked by the application is told as such", () => {
  const data = { provider: "ollama", model_id: "llama3", operation: "llm_initialization", error: "refused" };
  const events = [
    { ...envelope, kind: "init.failed", data },
    { ...envelope, kind: "cache.hit", metadata: { key: "k" } },
    { ...envelope, kind: "cache.miss" },
    { ...envelope, kind: "order.placed" },
  ].flatMap(toBusinessEvents);

  expect(events.map(({ event_type, metadata }) => [event_type, metadata])).toEqual([
    [
      "error",
      {
        ...{ provider: "ollama", model: "llama3", operation: "llm_initialization", error: "refused" },
        session_id: "s-1",
      },
    ],
    ["cache_hit", { session_id: "s-1", key: "k" }],
    ["cache_miss", { session_id: "s-1" }],
  ]);
});

test("whoever projects an event again gets equal values, and other events other ids", () => {
  const usage = { cacheRead: 3, source: "provider" } as const;
  const event = ended({ status: "ok", usage });

  expect(toBusinessEvents(event)).toStrictEqual(toBusinessEvents(structuredClone(event)));
  const ids = [event, ended({ status: "ok", usage }, { id: "e-2" })].flatMap((each) =>
    toBusinessEvents(each).map(({ id }) => id),
  );
  expect(new Set(ids).size).toBe(4);
});

test("a clock that was set back gives no duration, and numbers that keep their text count", () => {
  const text =
    '{"id":"e","kind":"run.ended","time":"2026-11-21T05:00:00Z","runId":"r","run":{"type":"llm","status":"ok",' +
    '"startTime":"2026-11-21T05:00:01Z","usage":{"input":10.0,"cacheRead":0.0,"source":"provider"}}}';

  const [response, miss] = toBusinessEvents(decodeEvent(Buffer.from(text)));

  expect(response?.metadata).toEqual({ input_tokens: 10, cache_read_tokens: 0 });
  expect(miss?.event_type).toBe("cache_miss");
});
