import type { Event, Run } from "@sluice/sdk";
import { decodeEvent, encodeEvent, spanIdOf, traceIdOf } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { llmRun } from "../../testing/outgoing.ts";
import { encodeTraceProto } from "./encode-proto.ts";
import { eventSpan } from "./event-span.ts";
import { oracleProto } from "./oracle.test-support.ts";
import { composed } from "./profile.ts";
import { semconv } from "./semconv.ts";
import type { Span } from "./span.ts";
import { spanHome } from "./span-home.ts";

const home = spanHome({ "service.name": "shop" });
const plain = semconv({ content: false });

function ended(run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const base = llmRun({ id: "end-1", runId: "run-1", ...event });
  return { ...base, run: { type: "llm", ...base.run, ...run } };
}

function spanOf(event: Event): Span {
  const mapped = eventSpan(event, home, plain);
  if ("skipped" in mapped) throw new Error(`skipped: ${mapped.skipped}`);
  return mapped.span;
}

test("a complete run is one span with deterministic ids and times to the nanosecond", () => {
  const event = ended(
    { startTime: "2026-01-01T00:00:00.123456789Z" },
    { time: "2026-01-01T00:00:01Z", parentRunId: "agent-1", traceId: "0af7651916cd43dd8448eb211c80319c" },
  );

  expect(spanOf(event)).toMatchObject({
    ...home,
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: spanIdOf("run-1"),
    parentSpanId: spanIdOf("agent-1"),
    name: "chat gpt-4.1-mini",
    kind: 3,
    startTimeUnixNano: 1_767_225_600_123_456_789n,
    endTimeUnixNano: 1_767_225_601_000_000_000n,
  });
});

test("the same event is the same bytes, also when it has been stored and read again", () => {
  const event = ended({}, { metadata: { a: 1, b: { c: [1, 2] } } });
  const read = decodeEvent(Buffer.from(encodeEvent(event)));

  const [one, other] = [event, read].map((each) => Buffer.from(encodeTraceProto([spanOf(each)])));

  expect(one).toEqual(other);
});

test("a mapped run is, byte for byte, what OpenTelemetry's own exporter sends for its span", () => {
  const error = { message: "boom", stack: "at x" };
  const tool = ended({ type: "tool", status: "error", error }, { runId: "run-2", parentRunId: "run-1" });
  const spans = [spanOf(ended({}, { tags: ["a"], metadata: { part: 0.5, yes: true } })), spanOf(tool)];

  // The SDK always says whether a parent is remote, which we do not know, and that a status is unset.
  const known = spans.map((span) => ({ ...span, flags: 0x101, status: span.status ?? {} }));
  const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  expect(hexOf(encodeTraceProto(known))).toBe(oracleProto(known).toString("hex"));
});

test("a span never ends before it began", () => {
  const span = spanOf(ended({ startTime: "2026-01-01T00:00:05Z" }));

  expect(span.endTimeUnixNano).toBe(span.startTimeUnixNano);
});

test("the parent is the run above, else the span that a traceparent header named, else none", () => {
  const named = spanOf(ended({}, { parentSpanId: "00F067AA0BA902B7" }));
  const broken = spanOf(ended({}, { parentSpanId: "0000000000000000" }));

  expect(named.parentSpanId).toBe("00f067aa0ba902b7");
  expect(broken).not.toHaveProperty("parentSpanId");
});

test("an error has the status ERROR with its words, and its stack as an exception event", () => {
  const span = spanOf(
    ended({ status: "error", error: { message: "boom", type: "RateLimitError", stack: "at x" } }),
  );

  expect(span.status).toEqual({ code: 2, message: "boom" });
  expect(span.events).toEqual([
    {
      timeUnixNano: span.endTimeUnixNano,
      name: "exception",
      attributes: {
        "exception.type": "RateLimitError",
        "exception.message": "boom",
        "exception.stacktrace": "at x",
      },
    },
  ]);
});

test("a cancelled run is no error: error.type says so, and the status stays unset", () => {
  const span = spanOf(ended({ status: "cancelled", reason: "client_gone" }));

  expect(span).not.toHaveProperty("status");
  expect(span.attributes).toMatchObject({ "error.type": "cancelled", "sluice.run.reason": "client_gone" });
});

test.each<[Run["type"], string, number]>([
  ["llm", "chat gpt-4.1-mini", 3],
  ["embedding", "embeddings gpt-4.1-mini", 3],
  ["tool", "execute_tool m", 1],
  ["agent", "invoke_agent m", 1],
  ["chain", "invoke_workflow m", 1],
  ["retriever", "retrieval m", 1],
  ["guardrail", "m", 1],
])("a run of type %s is called %j and has the kind %i", (type, name, kind) => {
  expect(spanOf(ended({ type, name: "m" }))).toMatchObject({ name, kind });
});

test.each<[string, Partial<Event>, string]>([
  ["run.started", { kind: "run.started" }, "unmapped"],
  ["tool.called: it is part of the output messages", { kind: "tool.called" }, "unmapped"],
  ["run.scored: it belongs to logs", { kind: "run.scored", data: { name: "helpful", value: 1 } }, "unmapped"],
  ["session.created", { kind: "session.created" }, "unmapped"],
  ["run.delta: no convention has a place for a piece of a stream", { kind: "run.delta" }, "unmapped"],
  ["cache.miss", { kind: "cache.miss" }, "unmapped"],
  ["a custom event", { kind: "order.placed" }, "unmapped"],
  ["a piece", { run: { type: "llm" } }, "partial"],
  ["a late end, as spans cannot be changed", { run: { ...ended().run, type: "llm", revision: 2 } }, "late"],
])("%s has no span", (_, changes, skipped) => {
  expect(eventSpan({ ...ended(), ...changes }, home, plain)).toEqual({ skipped });
});

test("an end without its run has no span", () => {
  const bare: Event = { id: "bare", kind: "run.ended", time: "2026-01-01T00:00:00Z" };

  expect(eventSpan(bare, home, plain)).toEqual({ skipped: "unmapped" });
});

test("a hit in a response cache is a span without length below its run, and counts no tokens", () => {
  const span = spanOf({ id: "hit-1", kind: "cache.hit", time: "2026-01-01T00:00:00Z", runId: "run-1" });

  expect(span).toMatchObject({
    traceId: traceIdOf({ id: "hit-1", runId: "run-1" }),
    spanId: spanIdOf("hit-1"),
    parentSpanId: spanIdOf("run-1"),
    name: "cache.hit",
    attributes: { "sluice.cache": "hit" },
  });
  expect(span.endTimeUnixNano).toBe(span.startTimeUnixNano);
  expect(Object.keys(span.attributes ?? {}).filter((name) => name.includes("usage"))).toEqual([]);
});

test("a failed initialisation is a span with the status ERROR", () => {
  const data = { provider: "ollama", model_id: "llama3", error: "connection refused" };
  const span = spanOf({ id: "init-1", kind: "init.failed", time: "2026-01-01T00:00:00Z", data });

  expect(span).toMatchObject({
    name: "llm.init",
    status: { code: 2, message: "connection refused" },
    attributes: { "gen_ai.provider.name": "ollama", "gen_ai.request.model": "llama3" },
  });
});

test("of two vocabularies on one span the later one has the last word", () => {
  const profile = composed(
    plain,
    () => ({ "session.id": "mine", extra: 1 }),
    () => ({ extra: 2 }),
  );

  const mapped = eventSpan(ended({}, { session: { id: "s" } }), home, profile);

  expect(mapped).toMatchObject({
    span: { attributes: { "gen_ai.conversation.id": "s", "session.id": "mine", extra: 2 } },
  });
});
