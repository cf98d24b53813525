import { expect, test } from "vitest";
import { cacheKindOf } from "./cache-kind.ts";
import { decodeEvent } from "./codec.ts";

test("what the cache had is a hit, that it had nothing is a miss, and silence is neither", () => {
  expect(cacheKindOf({ cacheRead: 30, source: "provider" })).toBe("cache.hit");
  expect(cacheKindOf({ cacheRead: 0, source: "provider" })).toBe("cache.miss");
  expect(cacheKindOf({ input: 30, cacheWrite5m: 9, source: "provider" })).toBeUndefined();
  expect(cacheKindOf(undefined)).toBeUndefined();
});

test("a count that keeps its text (1e1, 0.0) is a number like any other", () => {
  const kindOf = (cacheRead: string) => {
    const json = `{"run":{"usage":{"cacheRead":${cacheRead},"source":"provider"}}}`;
    return cacheKindOf(decodeEvent(Buffer.from(json)).run?.usage);
  };

  expect([kindOf("1e1"), kindOf("0.0")]).toEqual(["cache.hit", "cache.miss"]);
});
