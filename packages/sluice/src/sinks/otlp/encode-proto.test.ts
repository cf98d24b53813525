import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { missingTools } from "../../../../../test/chaos/tools.ts";
import { encodeTraceProto } from "./encode-proto.ts";
import { oracleProto } from "./oracle.test-support.ts";
import type { AttributeValue } from "./span.ts";
import { aSpan, brokenText, sdkSpans } from "./spans.test-support.ts";

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("any spans give the bytes of OpenTelemetry's own exporter", () => {
  fc.assert(
    fc.property(sdkSpans, (spans) => {
      expect(hexOf(encodeTraceProto(spans))).toBe(oracleProto(spans).toString("hex"));
    }),
    { numRuns: 150 },
  );
});

test.each<[string, AttributeValue]>([
  ["an empty text", ""],
  ["a zero", 0],
  ["minus zero, which is an integer", -0],
  ["minus one", -1],
  ["the largest safe integer", Number.MAX_SAFE_INTEGER],
  ["an integer beyond the safe ones", 2 ** 62],
  ["the smallest integer of 64 bits", -(2 ** 63)],
  ["a whole number that has no place in 64 bits", 2 ** 63],
  ["a fraction", 0.1],
  ["the smallest double", Number.MIN_VALUE],
  ["no number", Number.NaN],
  ["infinity", Number.POSITIVE_INFINITY],
  ["false", false],
  ["null", null],
  ["no bytes", new Uint8Array()],
  ["bytes", new Uint8Array([0, 127, 128, 255])],
  ["an empty list", []],
  ["an empty map", {}],
  ["lists and maps in each other", [[[], { a: [{ b: [null, -0] }] }], {}, { "": "" }]],
  ["a text of four bytes a character", "😀".repeat(40)],
  ["a text as long as a message", "漢".repeat(700_000)],
])("%s is what OpenTelemetry's exporter sends", (_, value) => {
  const spans = [aSpan({ value, list: [value] })];

  expect(Buffer.from(encodeTraceProto(spans)).equals(oracleProto(spans))).toBe(true);
});

test("half a surrogate pair becomes the replacement character", () => {
  fc.assert(
    fc.property(brokenText, (text) => {
      const spans = [aSpan({ [text]: text }, { name: text })];
      expect(hexOf(encodeTraceProto(spans))).toBe(oracleProto(spans).toString("hex"));
    }),
  );
});

test("10,000 spans are one request, byte for byte that of OpenTelemetry's exporter", () => {
  const shared = aSpan();
  const spans = Array.from({ length: 10_000 }, (_, index) => ({
    ...shared,
    spanId: (index + 1).toString(16).padStart(16, "0"),
    attributes: { index, "gen_ai.request.model": "gpt-5", text: "x".repeat(index % 300) },
  }));

  expect(Buffer.from(encodeTraceProto(spans)).equals(oracleProto(spans))).toBe(true);
});

test("no spans are no bytes", () => {
  expect(encodeTraceProto([])).toHaveLength(0);
});

test.each(["zz", "0a f", "漢字", "0", "0af"])("an id that is %j is refused, never cut", (traceId) => {
  expect(() => encodeTraceProto([aSpan({}, { traceId })])).toThrow("is not an id in hex");
});

const missing = missingTools("protoc");
test.skipIf(missing)(`protoc reads what we write${missing}`, () => {
  const spans = [aSpan({ list: [1, "two", { three: 3.5 }], answer: "42 degrees" })];

  const read = execFileSync("protoc", ["--decode_raw"], { input: encodeTraceProto(spans), encoding: "utf8" });

  expect(read).toContain('"42 degrees"');
  expect(read).toContain('5: "chat gpt-5"');
});
