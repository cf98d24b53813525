import { expect, test } from "vitest";
import { usageOf } from "./usage.ts";

test("buckets are disjoint: every detail is taken out of its total", () => {
  const raw = {
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 30, cache_write_tokens: 5, audio_tokens: 10 },
    completion_tokens_details: { reasoning_tokens: 20, audio_tokens: 4, accepted_prediction_tokens: 9 },
  };

  expect(usageOf(raw)).toEqual({
    input: 55,
    cacheRead: 30,
    cacheWrite5m: 5,
    audioInput: 10,
    output: 26,
    reasoning: 20,
    audioOutput: 4,
    source: "provider",
    raw,
  });
});

test("what the provider did not say is absent, and what it said is 0 is 0", () => {
  expect(usageOf({ prompt_tokens: 8, total_tokens: 8 })).toEqual({
    input: 8,
    source: "provider",
    raw: { prompt_tokens: 8, total_tokens: 8 },
  });
  expect(usageOf({ input_tokens: 1, output_tokens: 0 })).toMatchObject({ input: 1, output: 0 });
  for (const none of [
    undefined,
    null,
    {},
    { total_tokens: 3 },
    { prompt_tokens: "3" },
    { prompt_tokens: -1 },
  ]) {
    expect(usageOf(none)).toBeUndefined();
  }
});
