import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nanosOf } from "./nanos.ts";

const SECOND = 1_767_225_600n * 1_000_000_000n;

test.each<[string, bigint]>([
  ["2026-01-01T00:00:00Z", SECOND],
  ["2026-01-01T00:00:00+00:00", SECOND],
  ["2026-01-01T00:00:00.5+00:00", SECOND + 500_000_000n],
  ["2026-01-01T00:00:00.999999999Z", SECOND + 999_999_999n],
  ["2026-01-01T00:00:00.0001Z", SECOND + 100_000n],
  ["1970-01-01T00:00:00Z", 0n],
  ["1969-12-31T23:59:59.999999999Z", 0n],
])("%s is %i ns", (time, nanos) => {
  expect(nanosOf(time)).toBe(nanos);
});

test("every fraction of up to nine digits is told to the nanosecond", () => {
  const fraction = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(fraction, fc.constantFrom("Z", "+00:00"), (digits, zone) => {
      const nanos = nanosOf(`2026-01-01T00:00:00.${digits}${zone}`);

      expect(nanos - SECOND).toBe(BigInt(digits.padEnd(9, "0")));
    }),
  );
});

test("what is no time throws", () => {
  expect(() => nanosOf("yesterday")).toThrow(RangeError);
});
