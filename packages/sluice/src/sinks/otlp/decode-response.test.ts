import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRpcStatus, decodeTraceResponse, type OtlpEncoding } from "./decode-response.ts";
import { varint } from "./oracle.test-support.ts";

const ENCODINGS: readonly OtlpEncoding[] = ["protobuf", "json"];
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Fields by hand: a number is a varint, the rest has its length in front. */
function fields(...all: readonly (readonly [number: number, value: number | string | Buffer])[]): Buffer {
  return Buffer.concat(
    all.flatMap(([number, value]) => {
      if (typeof value === "number") return [varint(number * 8), varint(value)];
      const bytes = Buffer.from(value);
      return [varint(number * 8 + 2), varint(bytes.length), bytes];
    }),
  );
}

/** Fields that a later version of the protocol may bring: one of each wire type. */
const unknownField = fc.constantFrom(
  fields([9, 300]),
  fields([9, "new"]),
  Buffer.from([9 * 8 + 1, 1, 2, 3, 4, 5, 6, 7, 8]),
  Buffer.from([9 * 8 + 5, 1, 2, 3, 4]),
  Buffer.alloc(0),
);

test("a partial success in protobuf is what OpenTelemetry's own exporter reads", () => {
  const parts = [fc.maxSafeNat(), fc.string({ unit: "binary" })] as const;
  fc.assert(
    fc.property(...parts, unknownField, unknownField, (rejected, message, inside, beside) => {
      const body = Buffer.concat([
        beside,
        fields([1, Buffer.concat([fields([1, rejected]), inside, fields([2, message])])]),
      ]);
      const oracle = ProtobufTraceSerializer.deserializeResponse(body).partialSuccess;

      expect(decodeTraceResponse(body, "protobuf")).toEqual({ status: "read", ...oracle });
    }),
  );
});

test.each<[string, unknown, object]>([
  ["an empty object", {}, { rejectedSpans: 0, errorMessage: "" }],
  ["null", { partialSuccess: null }, { rejectedSpans: 0, errorMessage: "" }],
  ["a count as a number", { partialSuccess: { rejectedSpans: 3 } }, { rejectedSpans: 3, errorMessage: "" }],
  [
    "a count as a text",
    { partialSuccess: { rejectedSpans: "3", errorMessage: "old" } },
    { rejectedSpans: 3, errorMessage: "old" },
  ],
  [
    "the names of the .proto file",
    { partial_success: { rejected_spans: "3", error_message: "old" } },
    { rejectedSpans: 3, errorMessage: "old" },
  ],
  [
    "what a later version brings",
    { partialSuccess: { new: [1] }, more: 1 },
    { rejectedSpans: 0, errorMessage: "" },
  ],
])("a response in JSON may have %s", (_, body, read) => {
  expect(decodeTraceResponse(json(body), "json")).toEqual({ status: "read", ...read });
});

test.each(ENCODINGS)("an empty body in %s is full success", (encoding) => {
  const read = decodeTraceResponse(new Uint8Array(), encoding);

  expect(read).toEqual({ status: "read", rejectedSpans: 0, errorMessage: "" });
});

test.each<[string, unknown, string]>([
  ["a list", [], "it is not a JSON object"],
  ["a text", "ok", "it is not a JSON object"],
  ["a list of successes", { partialSuccess: [] }, "partialSuccess is not an object"],
  ["a fraction", { partialSuccess: { rejectedSpans: 1.5 } }, "rejectedSpans is not a whole number"],
  ["a word for a count", { partialSuccess: { rejectedSpans: "all" } }, "rejectedSpans is not a whole number"],
  ["a count below zero", { partialSuccess: { rejectedSpans: -1 } }, "rejectedSpans is -1, which is no count"],
  [
    "a count beyond all spans",
    { partialSuccess: { rejectedSpans: "9223372036854775807" } },
    "rejectedSpans is 9223372036854775807, which is no count",
  ],
  ["an object for words", { partialSuccess: { errorMessage: {} } }, "errorMessage is not a text"],
])("a response in JSON with %s is no success: it says what is wrong", (_, body, reason) => {
  expect(decodeTraceResponse(json(body), "json")).toEqual({ status: "unreadable", reason });
});

test.each<[string, Buffer, string]>([
  ["HTML", Buffer.from("<html>"), "field 7 at byte 0 has the wire type 4"],
  ["a tag that does not end", Buffer.from([0x80]), "the tag at byte 0 does not end"],
  ["field 0", Buffer.from([0x02, 0]), "the field at byte 0 has the number 0"],
  ["a number that does not end", Buffer.alloc(12, 0x88), "the tag at byte 0 does not end"],
  ["a length beyond the end", Buffer.from([0x0a, 5, 1]), "field 1 at byte 0 is longer than the message"],
  [
    "a number of eleven bytes",
    Buffer.from([8, ...Buffer.alloc(10, 0x80), 1]),
    "the number of field 1 at byte 0 does not end",
  ],
  ["a cut number of 64 bits", Buffer.from([0x49, 1]), "field 9 at byte 0 is longer than the message"],
  [
    "a count below zero",
    fields([1, Buffer.concat([Buffer.from([8]), Buffer.alloc(9, 0xff), Buffer.from([1])])]),
    "rejectedSpans is -1, which is no count",
  ],
  [
    "a broken partial success",
    fields([1, Buffer.from([0x12, 9])]),
    "in partial_success, field 2 at byte 0 is longer than the message",
  ],
])("a response in protobuf with %s is no success: it says what is wrong", (_, body, reason) => {
  expect(decodeTraceResponse(body, "protobuf")).toEqual({ status: "unreadable", reason });
});

test("a status is read in both encodings", () => {
  const read = { status: "read", code: 3, message: "no such tenant: é" };
  const proto = fields([1, 3], [2, "no such tenant: é"], [3, fields([1, "type.googleapis.com/x"])]);

  expect(decodeRpcStatus(proto, "protobuf")).toEqual(read);
  expect(decodeRpcStatus(json({ code: 3, message: "no such tenant: é", details: [] }), "json")).toEqual(read);
  expect(decodeRpcStatus(json({ message: "only words" }), "json")).toMatchObject({ code: 0 });
});

test.each([json([]), json({ code: 2 ** 40 }), json({ code: "x" }), json({ message: 1 }), Buffer.from("502")])(
  "%s is no status",
  (body) => {
    expect(decodeRpcStatus(body, "json").status).toBe("unreadable");
  },
);

test("no bytes make a decoder throw", () => {
  const whole = fields([1, fields([1, 300], [2, "two of them were older than an hour"])], [2, "x"]);
  const broken = fc.tuple(fc.nat(whole.length), fc.nat(255), fc.nat(whole.length)).map(([at, byte, end]) => {
    const bytes = Buffer.from(whole);
    bytes[at] = byte;
    return bytes.subarray(0, end);
  });
  const text = fc.json().map((value) => Buffer.from(value));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), broken, text), fc.constantFrom(...ENCODINGS), (body, encoding) => {
      for (const read of [decodeTraceResponse(body, encoding), decodeRpcStatus(body, encoding)]) {
        if (read.status === "unreadable") expect(read.reason).not.toBe("");
      }
    }),
    { numRuns: 1_000 },
  );
});
