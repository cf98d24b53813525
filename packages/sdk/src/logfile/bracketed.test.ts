import { expect, test } from "vitest";
import { decodeEvent } from "../event/codec.ts";
import type { Event } from "../event/event.ts";
import { bracketedEntry } from "./bracketed.ts";

test("an initialisation is written exactly as the emitter's own log shows it", () => {
  const event: Event = {
    id: "1",
    kind: "init.started",
    time: "2025-01-27T14:30:25.431Z",
    data: { provider: "openai", model_id: "gpt-4.1-mini", temperature: 0.7 },
    metadata: {
      model_version: "gpt-4.1-mini",
      max_tokens: 0,
      top_p: 0.7,
      user: "openai_user",
      custom_fields: { provider: "openai", operation: "llm_initialization" },
    },
  };

  expect(bracketedEntry(event)).toBe(`[2025-01-27 14:30:25] [EVENT: INIT_START]
{
  "event_type": "LLM_INITIALIZATION_START",
  "provider": "openai",
  "model_id": "gpt-4.1-mini",
  "temperature": 0.7,
  "trace_id": "",
  "metadata": {
    "model_version": "gpt-4.1-mini",
    "max_tokens": 0,
    "top_p": 0.7,
    "user": "openai_user",
    "custom_fields": {
      "provider": "openai",
      "operation": "llm_initialization"
    }
  }
}`);
});

test("a tool call is written exactly as the emitter's own log shows it", () => {
  const event: Event = {
    id: "2",
    kind: "tool.called",
    time: "2025-01-27T14:30:26Z",
    runId: "r",
    tool: { id: "call_abc123", name: "get_weather", arguments: '{"location": "San Francisco"}' },
    data: { provider: "openai", model_id: "gpt-4.1-mini" },
    metadata: {
      user: "tool_call_user",
      custom_fields: {
        provider: "openai",
        model_id: "gpt-4.1-mini",
        tool_call_id: "call_abc123",
        tool_type: "function",
        tool_name: "get_weather",
      },
    },
  };

  expect(bracketedEntry(event)).toBe(`[2025-01-27 14:30:26] [EVENT: TOOL_CALL_DETECTED]
{
  "event_type": "TOOL_CALL_DETECTED",
  "provider": "openai",
  "model_id": "gpt-4.1-mini",
  "tool_call_id": "call_abc123",
  "tool_name": "get_weather",
  "arguments": "{\\"location\\": \\"San Francisco\\"}",
  "trace_id": "",
  "metadata": {
    "user": "tool_call_user",
    "custom_fields": {
      "provider": "openai",
      "model_id": "gpt-4.1-mini",
      "tool_call_id": "call_abc123",
      "tool_type": "function",
      "tool_name": "get_weather"
    }
  }
}`);
});

const run = {
  type: "llm",
  provider: "openai",
  operation: "chat",
  startTime: "2026-01-01T00:00:00Z",
  request: {
    model: "gpt-4.1-mini",
    input: [
      { role: "system", content: "Be short." },
      { role: "user", content: [{ type: "text", text: "Grüß dich" }] },
    ],
    params: { temperature: 0.2, max_tokens: 50 },
  },
} as const;

test("a finished generation carries its own values, and nothing that is unknown", () => {
  const event: Event = {
    id: "3",
    kind: "run.ended",
    time: "2026-01-01T00:00:01Z",
    runId: "r",
    traceId: "t",
    metadata: { team: "blue" },
    run: {
      ...run,
      status: "ok",
      response: { model: "gpt-4.1-mini-2025", output: { role: "assistant", content: "Hallo ü" } },
      usage: { input: 10, cacheRead: 4, output: 3, source: "provider" },
    },
  };

  expect(bracketedEntry(event)).toBe(`[2026-01-01 00:00:01] [EVENT: GENERATION_SUCCESS]
{
  "event_type": "LLM_GENERATION_SUCCESS",
  "provider": "openai",
  "model_id": "gpt-4.1-mini",
  "operation": "llm_generation",
  "messages_count": 2,
  "temperature": 0.2,
  "message_content": "Be short.\\nGrüß dich",
  "response_length": 8,
  "choices_count": 1,
  "trace_id": "t",
  "metadata": {
    "model_version": "gpt-4.1-mini-2025",
    "max_tokens": 50,
    "custom_fields": {
      "team": "blue",
      "input_tokens": "14",
      "output_tokens": "3"
    }
  }
}`);
});

test("a run that did not end well is a generation error with its reason", () => {
  const event: Event = {
    id: "4",
    kind: "run.ended",
    time: "2026-01-01T00:00:01Z",
    runId: "r",
    run: { type: "llm", status: "incomplete", reason: "crash", startTime: "2026-01-01T00:00:00Z" },
  };

  expect(bracketedEntry(event)).toBe(`[2026-01-01 00:00:01] [EVENT: GENERATION_ERROR]
{
  "event_type": "LLM_GENERATION_ERROR",
  "operation": "llm_generation",
  "error": "crash",
  "trace_id": ""
}`);
});

test.each([
  { id: "5", kind: "run.started", time: "2026-01-01T00:00:00Z", run },
  { id: "6", kind: "order.placed", time: "2026-01-01T00:00:00Z" },
  {
    ...{ id: "9", kind: "lifecycle.LLM_GENERATION_START", time: "2026-01-01T00:00:00Z" },
    origin: { dialect: "lifecycle" },
  },
  { id: "7", kind: "run.ended", time: "2026-01-01T00:00:00Z", run: { ...run, type: "tool", status: "ok" } },
] satisfies Event[])("an event without a bracketed form has none ($kind)", (event) => {
  expect(bracketedEntry(event)).toBeUndefined();
});

test("metadata keeps the names that JavaScript gives a meaning to, and counts that keep their text are added", () => {
  const event = decodeEvent(
    Buffer.from(`{"id":"8","kind":"run.ended","time":"2026-01-01T00:00:00Z",
      "metadata":{"constructor":"x","__proto__":"y"},
      "run":{"type":"llm","status":"ok","usage":{"input":10.0,"cacheRead":3,"source":"provider"}}}`),
  );

  const entry = bracketedEntry(event);

  expect(entry).toContain('"constructor": "x",\n      "__proto__": "y",\n      "input_tokens": "13"');
});
