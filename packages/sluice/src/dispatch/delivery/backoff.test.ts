import { seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { DEFAULT_FIGURES as figures } from "../figures.ts";
import { seriesBackoffMs, waitMs } from "./backoff.ts";

test("a route waits 1 s, then twice as long each time, and never longer than the cap", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 1_000_000].map((attempt) => waitMs(attempt, figures))).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ]);
});

test("a Retry-After of any kind waits between the backoff and one hour, never a 1 ms spin (T58)", () => {
  const cases: [said: number, waits: number][] = [
    [7_000, 7_000],
    [0, 1_000],
    [-1, 1_000],
    [1, 1_000],
    [Number.NaN, 1_000],
    [1e99, 3_600_000],
    [Number.POSITIVE_INFINITY, 3_600_000],
    [2_147_483_648, 3_600_000],
    [Date.UTC(9999, 0), 3_600_000],
    [-Date.UTC(9999, 0), 1_000],
  ];

  for (const [said, waits] of cases) expect(waitMs(1, figures, said), `said ${said}`).toBe(waits);
});

test("retries of a series are jittered over the whole of 100, 200 and 400 ms", () => {
  const random = seededRandom(7);

  for (const [retry, most] of [100, 200, 400, 800, 1_000, 1_000].entries()) {
    const delays = Array.from({ length: 500 }, () => seriesBackoffMs(retry, figures, random));
    expect(Math.min(...delays)).toBeLessThan(most * 0.05);
    expect(Math.max(...delays)).toBeGreaterThan(most * 0.95);
    expect(Math.max(...delays)).toBeLessThanOrEqual(most);
  }
});
