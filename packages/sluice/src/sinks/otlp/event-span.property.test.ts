import type { Event } from "@sluice/sdk";
import { decodeEvent } from "@sluice/sdk/internal";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createOtlp } from "../../testing/otlp-server.ts";
import { llmRun } from "../../testing/outgoing.ts";
import { encodeTraceJson } from "./encode-json.ts";
import { encodeTraceProto } from "./encode-proto.ts";
import { eventSpan } from "./event-span.ts";
import { PROFILES } from "./profiles.ts";
import type { Span } from "./span.ts";
import { spanHome } from "./span-home.ts";

const home = spanHome({ "service.name": "shop" });

const json = fc.jsonValue({ maxDepth: 4 });
const content = fc.oneof(
  json,
  fc.array(
    fc.record(
      {
        type: fc.constantFrom(
          "text",
          "image_url",
          "thinking",
          "tool_use",
          "tool_result",
          "reasoning",
          "file",
          "message",
        ),
        role: fc.constantFrom("user", "assistant", "tool", "model", "constructor"),
        content: json,
        text: json,
        parts: json,
        tool_calls: json,
        image_url: json,
        source: json,
        file: json,
      },
      { requiredKeys: [] },
    ),
  ),
);
const run = fc.record(
  {
    type: fc.constantFrom("llm", "tool", "agent", "chain", "retriever", "embedding", "constructor"),
    name: fc.string(),
    operation: fc.string(),
    status: fc.constantFrom("ok", "error", "cancelled", "incomplete"),
    startTime: fc.constant("2026-01-01T00:00:00.5Z"),
    request: fc.record({ input: content, params: fc.dictionary(fc.string(), json) }, { requiredKeys: [] }),
    response: fc.record(
      { output: content, id: json, model: json, finishReasons: fc.array(fc.string()) },
      { requiredKeys: [] },
    ),
    usage: fc.dictionary(fc.constantFrom("input", "output", "cacheRead", "reasoning", "source"), json),
    cost: fc.dictionary(fc.constantFrom("totalUsd", "inputUsd", "prices"), json),
    error: fc.record({ message: fc.string(), type: fc.string(), code: fc.string(), stack: fc.string() }),
  },
  { requiredKeys: ["type", "status", "startTime"] },
);
const anyEnd = fc
  .record(
    {
      run,
      metadata: fc.dictionary(fc.string(), json),
      tags: fc.array(fc.string()),
      traceId: fc.string({ minLength: 1 }),
      parentSpanId: fc.string(),
      session: fc.dictionary(fc.constantFrom("id", "nativeId"), fc.string()),
    },
    { requiredKeys: ["run"] },
  )
  // As it is spooled, where numbers keep their text.
  .map((changes): Event => {
    const text = JSON.stringify({ ...llmRun(), ...changes }).replace(/":7([,}])/g, '":7.0$1');
    return decodeEvent(Buffer.from(text));
  });

test.each(Object.entries(PROFILES))(
  "whatever stands in an event, in the names of %s it is a span that a strict server takes in both encodings",
  (_, profileOf) => {
    const profile = profileOf({ content: true });
    fc.assert(
      fc.property(fc.array(anyEnd, { minLength: 1, maxLength: 3 }), (events) => {
        const spans = events.map((event): Span => {
          const mapped = eventSpan(event, home, profile);
          if ("skipped" in mapped) throw new Error(mapped.skipped);
          return mapped.span;
        });

        const [proto, text] = [
          taken("application/x-protobuf", Buffer.from(encodeTraceProto(spans))),
          taken("application/json", Buffer.from(encodeTraceJson(spans))),
        ];

        expect(proto).toHaveLength(events.length);
        expect(text).toEqual(proto);
      }),
      { numRuns: 300 },
    );
  },
);

function taken(type: string, body: Buffer) {
  const otlp = createOtlp();
  const headers = { "content-type": type };
  const answer = otlp.answer({ method: "POST", path: "/v1/traces", headers, body, json: undefined });
  expect(answer).not.toHaveProperty("status");
  return otlp.spans;
}
