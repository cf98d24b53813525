import fc from "fast-check";
import { expect, test } from "vitest";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

test("a header of version 00 is read", () => {
  expect(parseTraceparent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, flags: 1 });
  expect(parseTraceparent(`00-${traceId}-${spanId}-03`)).toEqual({ traceId, spanId, flags: 3 });
  expect(parseTraceparent(`00-${traceId}-${spanId}-ff`)).toEqual({ traceId, spanId, flags: 3 });
});

test("a newer version is read as far as version 00 foresaw it", () => {
  const known = { traceId, spanId, flags: 1 };

  expect(parseTraceparent(`01-${traceId}-${spanId}-03`)).toEqual(known);
  expect(parseTraceparent(`cc-${traceId}-${spanId}-01-what-the-future-brings`)).toEqual(known);
  expect(parseTraceparent(`cc-${traceId}-${spanId}-01.what`)).toBeUndefined();
});

test.each([
  ["nothing", undefined],
  ["a number", 7],
  ["an empty text", ""],
  ["version ff", `ff-${traceId}-${spanId}-01`],
  ["a longer version 00", `00-${traceId}-${spanId}-01-more`],
  ["a trailing line feed", `00-${traceId}-${spanId}-01\n`],
  ["upper case", `00-${traceId.toUpperCase()}-${spanId}-01`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
  ["a span id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
  ["a short trace id", `00-${traceId.slice(1)}-${spanId}-01`],
  ["flags of one digit", `00-${traceId}-${spanId}-1`],
  ["spaces around it", ` 00-${traceId}-${spanId}-01 `],
])("%s is no header", (_, header) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test("what is written is read back, and other texts never throw", () => {
  const hex = (digits: number) =>
    fc
      .string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits })
      .filter((text) => !/^0+$/.test(text));
  const flags = fc.integer({ min: 0, max: 3 });

  fc.assert(
    fc.property(fc.record({ traceId: hex(32), spanId: hex(16), flags }), (parent) => {
      expect(parseTraceparent(formatTraceparent(parent))).toEqual(parent);
    }),
  );
  fc.assert(fc.property(fc.anything(), (header) => void parseTraceparent(header)));
});
