import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeTraceJson } from "./encode-json.ts";
import { encodeTraceProto } from "./encode-proto.ts";
import { oracleJson } from "./oracle.test-support.ts";
import type { AttributeValue } from "./span.ts";
import { anySpans, aSpan, nested, sdkJsonSpans } from "./spans.test-support.ts";
import { readRequest } from "./wire.test-support.ts";

test("any spans say the same in JSON and in protobuf", () => {
  fc.assert(
    fc.property(anySpans, (spans) => {
      expect(JSON.parse(encodeTraceJson(spans))).toEqual(readRequest(Buffer.from(encodeTraceProto(spans))));
    }),
    { numRuns: 150 },
  );
});

test("any spans say what OpenTelemetry's own exporter says", () => {
  fc.assert(
    fc.property(sdkJsonSpans, (spans) => {
      expect(JSON.parse(encodeTraceJson(spans))).toEqual(oracleJson(spans));
    }),
  );
});

test("a span is written as the specification has it", () => {
  const span = aSpan(
    {
      text: "é",
      whole: 7,
      part: 0.5,
      yes: true,
      list: ["a", null],
      map: { deep: 1n },
      bytes: Buffer.from("hi"),
    },
    { parentSpanId: "00f067aa0ba902b7", events: [{ timeUnixNano: 5n, name: "first token" }] },
  );

  expect(JSON.parse(encodeTraceJson([span]))).toEqual({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
        scopeSpans: [
          {
            scope: { name: "sluice", version: "1.0" },
            spans: [
              {
                traceId: "0af7651916cd43dd8448eb211c80319c",
                spanId: "b7ad6b7169203331",
                parentSpanId: "00f067aa0ba902b7",
                name: "chat gpt-5",
                kind: 3,
                startTimeUnixNano: "1763752060123456789",
                endTimeUnixNano: "1763752061000000001",
                attributes: [
                  { key: "text", value: { stringValue: "é" } },
                  { key: "whole", value: { intValue: "7" } },
                  { key: "part", value: { doubleValue: 0.5 } },
                  { key: "yes", value: { boolValue: true } },
                  { key: "list", value: { arrayValue: { values: [{ stringValue: "a" }, {}] } } },
                  {
                    key: "map",
                    value: { kvlistValue: { values: [{ key: "deep", value: { intValue: "1" } }] } },
                  },
                  { key: "bytes", value: { bytesValue: "aGk=" } },
                ],
                events: [{ timeUnixNano: "5", name: "first token" }],
                status: { code: 1 },
                flags: 257,
              },
            ],
          },
        ],
      },
    ],
  });
});

test.each<[string, AttributeValue, object]>([
  ["minus zero", -0, { intValue: "0" }],
  ["an integer beyond the safe ones", 2 ** 60, { intValue: "1152921504606846976" }],
  ["a whole number beyond 64 bits", 1e300, { doubleValue: 1e300 }],
  ["no number", Number.NaN, { doubleValue: "NaN" }],
  ["minus infinity", Number.NEGATIVE_INFINITY, { doubleValue: "-Infinity" }],
  ["the largest integer", 2n ** 63n - 1n, { intValue: "9223372036854775807" }],
  ["an integer beyond 64 bits", 2n ** 63n, { stringValue: "9223372036854775808" }],
  ["half a surrogate pair", "\ud800", { stringValue: "\ufffd" }],
])("%s has a form that every server reads", (_, value, form) => {
  expect(sentValue(value)).toEqual(form);
});

test("what is nested too deep for a server's parser goes as JSON text", () => {
  const attributes = { value: nested(64) };

  const request = encodeTraceProto([aSpan({}, { events: [{ timeUnixNano: 1n, name: "x", attributes }] })]);

  expect(deepest(request)).toBeLessThanOrEqual(100);
  expect(JSON.stringify(sentValue(nested(64)))).toContain(String.raw`[\"deep\",\"1\",\"AQI=\"]`);
});

function sentValue(value: AttributeValue): unknown {
  const json = JSON.parse(encodeTraceJson([aSpan({ value })]));
  return json.resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value;
}

/** Messages within each other. The form in JSON shows all but the request itself, and lists are no messages. */
function deepest(request: Uint8Array): number {
  const depthOf = (json: unknown): number => {
    if (Array.isArray(json)) return Math.max(0, ...json.map(depthOf));
    return typeof json === "object" && json !== null ? 1 + depthOf(Object.values(json)) : 0;
  };
  return depthOf(readRequest(Buffer.from(request)));
}
