import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";
import { parseDuration, parseSize } from "./units.ts";

test("sizes and durations are read as people write them", () => {
  expect(parseSize("5 GiB")).toBe(5 * 1024 ** 3);
  expect(parseSize("1.5mb")).toBe(1_500_000);
  expect(parseDuration("24h")).toBe(86_400_000);
  expect(parseDuration("1.5 s")).toBe(1_500);
});

test("what has no unit, an unknown one, a sign or no end is refused", () => {
  for (const text of [
    "5",
    "5 XB",
    "-1 MB",
    "",
    "GiB",
    "1e9 B",
    "9".repeat(40),
    "999999999999 TiB",
    "1 constructor",
  ]) {
    expect(parseSize(text), text).toBeUndefined();
  }
  for (const text of ["5", "1 week", "-1s", "s"]) expect(parseDuration(text), text).toBeUndefined();
});

test("the nearest word is found for a typo and for nothing else", () => {
  const known = ["file", "lunary", "console"];
  expect(nearest("lunray", known)).toBe("lunary");
  expect(nearest("fiel", known)).toBe("file");
  expect(nearest("LUNARY", known)).toBe("lunary");
  expect(nearest("postgres", known)).toBeUndefined();
  expect(nearest("x".repeat(100_000), known)).toBeUndefined();
});
