import type { Event } from "@sluice/sdk";
import { decodeEvent } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { llmRun } from "../../testing/outgoing.ts";
import { EVENT_COLUMNS, RUN_COLUMNS } from "./columns.ts";
import { type Dialect, migrationsFor } from "./migrations.ts";
import { type Cell, rowsOf } from "./rows.ts";

function named(event: Event): Record<string, Cell | undefined> | undefined {
  const cells = rowsOf(event).run;
  return cells && Object.fromEntries(RUN_COLUMNS.map(([name], index) => [name, cells[index]]));
}

const decoded = (json: string) => decodeEvent(Buffer.from(json));

/** A complete run as it comes from the spool, with this in its `run`. */
const ended = (more: string) =>
  decoded(
    `{"id":"e","kind":"run.ended","time":"2026-01-01T00:00:02.5Z","runId":"r","run":{"type":"llm","status":"ok",
      "startTime":"2026-01-01T00:00:00.000000001Z"${more}}}`,
  );

test("a complete run fills its wide row, with disjoint tokens and their sums", () => {
  const event = llmRun({
    id: "e-1",
    runId: "r-1",
    parentRunId: "r-0",
    traceId: "t-1",
    session: { id: "s-1" },
    scope: { kind: "user", id: "ann" },
    tags: ["a", "b"],
    metadata: { team: { name: "blue" } },
    time: "2026-01-01T00:00:02.000Z",
  });
  const run: Event["run"] = {
    type: "llm",
    name: "gpt-4.1",
    provider: "openai",
    operation: "chat",
    startTime: "2026-01-01T00:00:00.000Z",
    firstTokenTime: "2026-01-01T00:00:00.700Z",
    status: "error",
    reason: "upstream_reset",
    request: { model: "gpt-4.1", stream: true },
    response: { id: "resp-1", model: "gpt-4.1-2025-04-14", finishReasons: ["stop"] },
    usage: { input: 10, cacheRead: 4, output: 7, reasoning: 5, source: "provider" },
    cost: { inputUsd: 0.1, outputUsd: 0.2, totalUsd: 0.3, prices: "table" },
    error: { message: "reset", type: "connection", code: "ECONNRESET" },
    http: { status: 502 },
  };

  expect(named({ ...event, run })).toEqual({
    run_id: "r-1",
    event_id: "e-1",
    revision: 1,
    type: "llm",
    name: "gpt-4.1",
    provider: "openai",
    operation: "chat",
    request_model: "gpt-4.1",
    response_model: "gpt-4.1-2025-04-14",
    response_id: "resp-1",
    stream: true,
    status: "error",
    reason: "upstream_reset",
    start_time: "2026-01-01T00:00:00.000Z",
    first_token_time: "2026-01-01T00:00:00.700Z",
    end_time: "2026-01-01T00:00:02.000Z",
    duration_ms: 2_000,
    ttft_ms: 700,
    input_tokens: 10,
    cache_read_tokens: 4,
    cache_write_5m_tokens: null,
    cache_write_1h_tokens: null,
    audio_input_tokens: null,
    output_tokens: 7,
    reasoning_tokens: 5,
    audio_output_tokens: null,
    prompt_tokens: 14,
    completion_tokens: 12,
    total_tokens: 26,
    usage_source: "provider",
    input_cost_usd: 0.1,
    output_cost_usd: 0.2,
    cost_usd: 0.3,
    cost_prices: "table",
    cost_is_estimate: false,
    error_type: "connection",
    error_code: "ECONNRESET",
    error_message: "reset",
    http_status: 502,
    finish_reasons: '["stop"]',
    parent_run_id: "r-0",
    trace_id: "t-1",
    session_id: "s-1",
    user_id: "ann",
    tags: '["a","b"]',
    metadata: '{"team":{"name":"blue"}}',
  });
});

test("a start is revision 0 without a status or an end, so that no end gives way to it", () => {
  const start = ended("");

  expect(named({ ...start, kind: "run.started", run: { type: "llm" } })).toMatchObject({
    revision: 0,
    status: null,
    start_time: "2026-01-01T00:00:02.500Z",
    end_time: null,
    duration_ms: null,
  });
});

test("what is not known is NULL and never 0", () => {
  expect(named(ended(`,"usage":{"source":"estimated"}`))).toMatchObject({
    input_tokens: null,
    prompt_tokens: null,
    total_tokens: null,
    cost_usd: null,
    cost_is_estimate: null,
    ttft_ms: null,
  });
});

test("numbers that kept their text are counted, and what no whole number can be is NULL", () => {
  const usage = `,"usage":{"input":10.0,"output":1e400,"reasoning":3.0e0,"source":"provider"}`;

  expect(named(ended(`${usage},"http":{"status":"no number"}`))).toMatchObject({
    input_tokens: 10,
    prompt_tokens: 10,
    output_tokens: null,
    reasoning_tokens: 3,
    http_status: null,
  });
});

test("a number in metadata that PostgreSQL cannot hold is its text there, and its neighbours stay", () => {
  const event = { ...ended(""), metadata: decoded('{"far":1e200000,"near":1.50,"big":9007199254740993}') };

  expect(named(event as Event)?.["metadata"]).toBe('{"far":"1e200000","near":1.50,"big":9007199254740993}');
});

test("an end before its start has no duration", () => {
  expect(named({ ...ended(""), time: "2025-01-01T00:00:00Z" })?.["duration_ms"]).toBeNull();
});

test("an event that is no run, or a piece of one, has a row of events alone", () => {
  const piece = decoded(
    '{"id":"p","kind":"run.ended","time":"2026-01-01T00:00:00Z","runId":"r","run":{"type":"llm"}}',
  );
  const custom = decoded('{"id":"c","kind":"order.placed","time":"2026-01-01T00:00:00Z"}');

  expect([rowsOf(piece).run, rowsOf(custom).run]).toEqual([undefined, undefined]);
});

test("the tables have exactly the columns that are filled", () => {
  const words = { time: "T", whole: "T", real: "T", flag: "T", json: "T", raw: "T", prefix: "" };
  const dialect: Dialect = { ...words, day: String, sum: String, anyLength: String };
  const statements = migrationsFor(dialect).flat();
  const columnsOf = (table: string) => {
    const body = statements.find((statement) => statement.startsWith(`CREATE TABLE ${table} (`)) ?? "";
    return [...body.matchAll(/(\w+) (?:text|T)\b/g)].map((match) => match[1]);
  };

  expect(columnsOf("events")).toEqual([...EVENT_COLUMNS.map(([name]) => name), "raw"]);
  expect(columnsOf("runs").toSorted()).toEqual(RUN_COLUMNS.map(([name]) => name).toSorted());
});
