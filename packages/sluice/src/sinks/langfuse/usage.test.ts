import type { JsonObject } from "@sluice/sdk";
import { expect, test } from "vitest";
import { usageOf } from "../../../../sdk/src/providers/usage/usage.ts";
import { costDetailsOf, usageDetailsOf } from "./usage.ts";

const MATRIX: readonly [provider: string, raw: JsonObject, details: object][] = [
  [
    "OpenAI chat",
    {
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: { cached_tokens: 40, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 20 },
    },
    {
      input: 60,
      input_cached_tokens: 40,
      input_audio_tokens: 0,
      output: 30,
      output_reasoning_tokens: 20,
      total: 150,
    },
  ],
  [
    "OpenAI responses",
    {
      input_tokens: 100,
      output_tokens: 50,
      total_tokens: 150,
      input_tokens_details: { cached_tokens: 40 },
      output_tokens_details: { reasoning_tokens: 20 },
    },
    { input: 60, input_cached_tokens: 40, output: 30, output_reasoning_tokens: 20, total: 150 },
  ],
  [
    "Anthropic with its cache, whose input is exclusive",
    { input_tokens: 10, cache_read_input_tokens: 90, cache_creation_input_tokens: 30, output_tokens: 5 },
    { input: 10, input_cached_tokens: 90, input_cache_creation: 30, output: 5, total: 135 },
  ],
  [
    "Anthropic with what it wrote for an hour, which Langfuse prices by a key of its own",
    {
      ...{ input_tokens: 10, cache_creation_input_tokens: 30, output_tokens: 5 },
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
    },
    { input: 10, input_cache_creation: 10, input_cache_creation_1h: 20, output: 5, total: 45 },
  ],
  ["Ollama, a prompt that its cache had as a whole", { eval_count: 7 }, { output: 7 }],
  [
    "LM Studio with its thoughts",
    { input_tokens: 12, total_output_tokens: 30, reasoning_output_tokens: 20 },
    { input: 12, output: 10, output_reasoning_tokens: 20, total: 42 },
  ],
];

test.each(MATRIX)("%s is counted in Langfuse's disjoint keys", (_, raw, details) => {
  expect(usageDetailsOf(usageOf(raw))).toEqual(details);
});

test("a count that kept its text is a number, a fraction is whole, and what is unknown is absent", () => {
  const usage = JSON.parse('{"input":10.0,"output":3.6,"source":"counted"}');
  const cost = { totalUsd: 0.25, prices: "sender" } as const;

  expect(usageDetailsOf(usage)).toEqual({ input: 10, output: 4, total: 14 });
  expect(usageDetailsOf({ source: "provider" })).toBeUndefined();
  expect(usageDetailsOf(undefined)).toBeUndefined();
  expect(costDetailsOf(cost)).toEqual({ total: 0.25 });
  expect(costDetailsOf(undefined)).toBeUndefined();
});
