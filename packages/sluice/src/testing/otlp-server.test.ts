import { gzipSync } from "node:zlib";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { expect, test } from "vitest";
import { decodeRpcStatus } from "../sinks/otlp/decode-response.ts";
import { encodeTraceJson } from "../sinks/otlp/encode-json.ts";
import { encodeTraceProto } from "../sinks/otlp/encode-proto.ts";
import { readableSpans } from "../sinks/otlp/oracle.test-support.ts";
import type { AttributeValue, Span } from "../sinks/otlp/span.ts";
import { aSpan } from "../sinks/otlp/spans.test-support.ts";
import { createOtlp, type OtlpServerOptions } from "./otlp-server.ts";

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

function ask(body: Uint8Array | string, headers: Record<string, string>, options: OtlpServerOptions = {}) {
  const otlp = createOtlp(options);
  const request = { method: "POST", path: "/v1/traces", headers, body: Buffer.from(body), json: undefined };
  return { otlp, answer: otlp.answer(request) };
}

const ATTRIBUTES: Record<string, AttributeValue> = {
  text: "é",
  empty: "",
  whole: 7,
  negative: -1,
  big: 9_007_199_254_740_993n,
  part: 0.5,
  no: false,
  nothing: null,
  list: ["a", 1, [true]],
  map: { deep: { zero: 0 } },
  bytes: new Uint8Array([0, 255]),
};
const SPAN = aSpan(ATTRIBUTES, {
  parentSpanId: "00f067aa0ba902b7",
  status: { code: 2, message: "boom" },
  events: [{ timeUnixNano: 5n, name: "exception", attributes: { "exception.message": "boom" } }],
});
const READ = {
  resource: { "service.name": "shop" },
  scope: "sluice",
  traceId: SPAN.traceId,
  spanId: SPAN.spanId,
  parentSpanId: "00f067aa0ba902b7",
  name: "chat gpt-5",
  kind: 3,
  startTimeUnixNano: SPAN.startTimeUnixNano,
  endTimeUnixNano: SPAN.endTimeUnixNano,
  attributes: ATTRIBUTES,
  status: { code: 2, message: "boom" },
  events: [{ timeUnixNano: 5n, name: "exception", attributes: { "exception.message": "boom" } }],
};

test.each<[string, Uint8Array | string, string]>([
  ["our protobuf", encodeTraceProto([SPAN]), PROTOBUF],
  ["our JSON", encodeTraceJson([SPAN]), `${JSON_TYPE}; charset=utf-8`],
])("the stand-in reads %s", (_, body, type) => {
  const { otlp, answer } = ask(body, { "content-type": type });

  expect(answer.status ?? 200).toBe(200);
  expect(otlp.spans).toMatchObject([READ]);
});

test("the stand-in reads what OpenTelemetry's exporters send, whose JSON has 64 bits as numbers", () => {
  const { bytes: _, big: __, ...attributes } = ATTRIBUTES;
  const spans = readableSpans([aSpan(attributes)]);
  const proto = ProtobufTraceSerializer.serializeRequest(spans) ?? "";
  const json = JsonTraceSerializer.serializeRequest(spans) ?? "";

  expect(ask(proto, { "content-type": PROTOBUF }).otlp.spans).toMatchObject([{ attributes }]);
  expect(ask(json, { "content-type": JSON_TYPE }).otlp.spans).toMatchObject([{ attributes }]);
});

test("an empty request is answered with 200, in both types", () => {
  expect(ask("", { "content-type": PROTOBUF }).answer).toMatchObject({ body: new Uint8Array() });
  expect(ask("{}", { "content-type": JSON_TYPE }).answer).toMatchObject({ body: {} });
});

test.each<[string, Partial<Span>, string]>([
  ["a trace id of zeros", { traceId: "0".repeat(32) }, "the trace id"],
  ["a short span id", { spanId: "00f067" }, "the span id"],
  ["a parent of zeros", { parentSpanId: "0".repeat(16) }, "the parent span id"],
  [
    "no ids at all, as a log record sent to the wrong path has none",
    { traceId: "", spanId: "" },
    "the trace id",
  ],
  ["no start", { startTimeUnixNano: 0n }, "has no start"],
  ["an end before its start", { endTimeUnixNano: 1n }, "ends before it began"],
])("one span with %s costs the whole request: 400 with a Status", (_, changes, words) => {
  const spans = [SPAN, { ...SPAN, ...changes }];

  for (const [type, body] of [
    [PROTOBUF, encodeTraceProto(spans)],
    [JSON_TYPE, encodeTraceJson(spans)],
  ] as const) {
    const { otlp, answer } = ask(body, { "content-type": type });
    const encoding = type === PROTOBUF ? "protobuf" : "json";
    const told = Buffer.from(answer.body instanceof Uint8Array ? answer.body : JSON.stringify(answer.body));

    expect(answer).toMatchObject({ status: 400, headers: { "content-type": type } });
    expect(decodeRpcStatus(told, encoding)).toMatchObject({
      code: 3,
      message: expect.stringContaining(words),
    });
    expect(otlp.spans).toEqual([]);
  }
});

test.each<[string, string]>([
  ["ids in base64", JSON.stringify({ traceId: "CvdlGRbNQ92ESOshHIAxnA==", spanId: "t61rcWkgMzE=" })],
  ["kinds by name", JSON.stringify({ kind: "SPAN_KIND_CLIENT" })],
  ["attributes as an object", JSON.stringify({ attributes: { a: 1 } })],
  ["an attribute that stands twice", '{"attributes":[{"key":"a"},{"key":"a"}]}'],
])("JSON with %s is refused", (_, changes) => {
  const request = JSON.parse(encodeTraceJson([SPAN]));
  Object.assign(request.resourceSpans[0].scopeSpans[0].spans[0], JSON.parse(changes));

  expect(ask(JSON.stringify(request), { "content-type": JSON_TYPE }).answer).toMatchObject({ status: 400 });
});

test.each<[string, Uint8Array | string]>([
  ["no protobuf", "<html>"],
  ["a request that is cut", encodeTraceProto([SPAN]).subarray(0, 99)],
  ["text that is not UTF-8", encodeTraceProto([SPAN]).map((byte) => (byte === 0xc3 ? 0xff : byte))],
])("%s is refused with 400", (_, body) => {
  expect(ask(body, { "content-type": PROTOBUF }).answer).toMatchObject({ status: 400 });
});

test.each(["text/plain", "application/octet-stream", ""])(
  "the content type %j is refused with 415",
  (type) => {
    expect(ask("{}", { "content-type": type }).answer).toMatchObject({ status: 415 });
  },
);

test("what a server does not take it refuses: JSON at Phoenix, gzip at Lunary", () => {
  const packed = gzipSync(encodeTraceProto([SPAN]));
  const gzipHeaders = { "content-type": PROTOBUF, "content-encoding": "gzip" };

  expect(ask("{}", { "content-type": JSON_TYPE }, { encodings: ["protobuf"] }).answer.status).toBe(415);
  expect(ask(packed, gzipHeaders, { takesGzip: false }).answer.status).toBe(400);
  expect(ask(packed, gzipHeaders).otlp.spans).toHaveLength(1);
  expect(ask("no gzip", gzipHeaders).answer.status).toBe(400);
});

test("the limit holds before and after decompression: a gzip bomb gets 413", () => {
  const bomb = gzipSync(Buffer.alloc(1_000_000));
  const headers = { "content-type": PROTOBUF, "content-encoding": "gzip" };

  expect(bomb.length).toBeLessThan(10_000);
  expect(ask(bomb, headers, { bodyBytesMax: 10_000 }).answer.status).toBe(413);
  expect(
    ask(Buffer.alloc(10_001), { "content-type": PROTOBUF }, { bodyBytesMax: 10_000 }).answer.status,
  ).toBe(413);
});
