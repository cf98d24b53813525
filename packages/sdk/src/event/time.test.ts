import fc from "fast-check";
import { expect, test } from "vitest";
import { isUtcTime } from "./time.ts";

test("every moment that a Date writes is a time", () => {
  const moments = fc.date({
    min: new Date(0),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(moments, (moment) => {
      expect(isUtcTime(moment.toISOString())).toBe(true);
    }),
  );
});

test.each([
  "2026-11-21T05:00:00Z",
  "2026-11-21T05:00:00.123456789Z",
  "2026-11-21T05:00:00+00:00",
  "2024-02-29T00:00:00Z",
  "2000-02-29T00:00:00Z",
])("%s is a time", (text) => {
  expect(isUtcTime(text)).toBe(true);
});

test.each([
  "",
  "2026-11-21",
  "2026-11-21T05:00:00",
  "2026-11-21T05:00:00+02:00",
  "2026-11-21 05:00:00Z",
  "2026-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-00-01T00:00:00Z",
  "2026-01-00T00:00:00Z",
  "2026-11-21T24:00:00Z",
  "2026-11-21T05:00:00.Z",
  "2026-11-21T05:00:00ZZ",
  "2026-11-2１T05:00:00Z",
  "2026-11-21T05:00:61Z",
  "2026-11-21T05:00:00.1234567890Z",
  "2026-11-21T05:00:00Z\n",
  "yesterday",
])("%j is no time", (text) => {
  expect(isUtcTime(text)).toBe(false);
});
