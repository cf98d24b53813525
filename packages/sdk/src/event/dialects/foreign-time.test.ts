import { expect, test } from "vitest";
import { checkTimestamp, toUtcTime } from "./foreign-time.ts";

test.each([
  ["2026-11-21T05:00:00.123456789Z", "2026-11-21T05:00:00.123456789Z"],
  ["2026-11-21T05:00:00.5+02:00", "2026-11-21T03:00:00.5Z"],
  ["2026-11-21T05:00:00.1234567891-0130", "2026-11-21T06:30:00.123456789Z"],
  ["2026-11-21 05:00:00", "2026-11-21T05:00:00Z"],
  ["2026-11-21T05:00:00.123456", "2026-11-21T05:00:00.123456Z"],
  ["2026-11-21t05:00:00z", "2026-11-21T05:00:00Z"],
  [1_795_237_200_123, "2026-11-21T05:00:00.123Z"],
  [0, "1970-01-01T00:00:00.000Z"],
])("%j is %s", (stamp, expected) => {
  expect(toUtcTime(stamp)).toBe(expected);
});

test.each([
  "",
  "now",
  "2026-11-21",
  "2026-02-30T00:00:00",
  "2026-11-21T05:00:00+99:00",
  9e15,
  Number.NaN,
  -1e14,
])("%j is no time", (stamp) => {
  expect(toUtcTime(stamp)).toBeUndefined();
});

test.each([
  [{ timestamp: "2026-11-21T05:00:00.123456789012+02:00" }, undefined],
  [{ timestamp: "0001-01-01T00:00:00.000000001Z" }, undefined],
  [{ timestamp: "0001-01-01T00:00:00Z" }, "missing_field"],
  [{ timestamp: "0001-01-01T02:00:00.000+02:00" }, "missing_field"],
  [{}, "missing_field"],
  [{ timestamp: "" }, "invalid_field"],
  [{ timestamp: 1_795_237_200_123 }, "invalid_field"],
  [{ timestamp: null }, "invalid_field"],
])("%j has the fault %j", (fields, code) => {
  const fault = checkTimestamp(fields);

  expect(fault?.code).toBe(code);
  expect(fault?.field).toBe(code && "timestamp");
});
