import { expect, test } from "vitest";
import { mergeMessageUsage } from "./anthropic.ts";
import { usageOf } from "./usage.ts";

test("a streamed message's usage is its beginning's with the later counts over it", () => {
  const start = {
    input_tokens: 20,
    cache_creation_input_tokens: 300,
    cache_read_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
    output_tokens: 1,
  };
  const delta = { input_tokens: null, cache_creation_input_tokens: 300, output_tokens: 70 };

  expect(usageOf(mergeMessageUsage(start, delta))).toMatchObject({
    input: 20,
    cacheRead: 0,
    cacheWrite5m: 100,
    cacheWrite1h: 200,
    output: 70,
  });
  expect(usageOf(mergeMessageUsage(start, delta))).not.toHaveProperty("flags");
});

test("counts go on from the beginning of the message: they are replaced and not added", () => {
  const merged = mergeMessageUsage(
    { input_tokens: 43, output_tokens: 1 },
    { input_tokens: 61, output_tokens: 2 },
  );

  expect(usageOf(merged)).toMatchObject({ input: 61, output: 2 });
});

test("one that never began, or never ended, has what was said", () => {
  expect(mergeMessageUsage(undefined, { output_tokens: 7 })).toEqual({ output_tokens: 7 });
  expect(mergeMessageUsage({ input_tokens: 9 }, null)).toEqual({ input_tokens: 9 });
  expect(mergeMessageUsage("no", [])).toBeUndefined();
});

test("what was written after the lifetimes were told is flagged, and none of it is lost", () => {
  const start = {
    input_tokens: 2,
    cache_creation_input_tokens: 100,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 100 },
  };

  expect(usageOf(mergeMessageUsage(start, { cache_creation_input_tokens: 140 }))).toMatchObject({
    cacheWrite5m: 40,
    cacheWrite1h: 100,
    flags: ["details"],
  });
});
