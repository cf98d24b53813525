import { expect, test } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

test.each([
  ["7", 7_000],
  [" 7 ", 7_000],
  ["Sat, 21 Nov 2026 12:00:30 GMT", 30_000],
  ["99999999", 3_600_000],
  ["Sat, 21 Nov 2027 12:00:00 GMT", 3_600_000],
])("a backend that says %j is waited for, an hour at most", (header, waitMs) => {
  expect(retryAfterMs(header, NOW)).toBe(waitMs);
});

test.each([
  undefined,
  "",
  "0",
  "-5",
  "1e99",
  "NaN",
  "soon",
  "1.5",
  "Sat, 21 Nov 2020 12:00:00 GMT",
  "2027-01-01",
])("a header that says nothing useful leaves the wait to us (%j)", (header) => {
  expect(retryAfterMs(header, NOW)).toBeUndefined();
});

test("a date is read by the clock of the backend that wrote it (P14, T60)", () => {
  const twoYearsLater = Date.UTC(2028, 10, 21);
  const header = "Sat, 21 Nov 2026 12:00:30 GMT";

  expect(retryAfterMs(header, twoYearsLater, "Sat, 21 Nov 2026 12:00:00 GMT")).toBe(30_000);
  expect(retryAfterMs(header, NOW, "no date")).toBe(30_000);
});
