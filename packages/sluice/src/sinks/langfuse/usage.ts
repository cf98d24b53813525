import type { Cost, Usage } from "@sluice/sdk";
import { completionTokensOf, numberOf, promptTokensOf } from "@sluice/sdk/internal";

export type Counts = Readonly<Record<string, number>>;

/**
 * The usage in Langfuse's own keys, which are disjoint. Never a provider's object: Langfuse takes one of
 * OpenAI's apart only if no key is strange to it, and stores Anthropic's as keys that have no price. Counts
 * are whole, because its server drops a fraction without a word. Absent where no bucket is known.
 */
export function usageDetailsOf(usage: Usage | undefined): Counts | undefined {
  if (!usage) return undefined;
  const prompt = promptTokensOf(usage);
  const completion = completionTokensOf(usage);
  return known({
    input: usage.input,
    input_cached_tokens: usage.cacheRead,
    // Its prices have a key for each lifetime, and the plain one costs what five minutes cost.
    input_cache_creation: usage.cacheWrite5m,
    input_cache_creation_1h: usage.cacheWrite1h,
    input_audio_tokens: usage.audioInput,
    output: usage.output,
    output_reasoning_tokens: usage.reasoning,
    output_audio_tokens: usage.audioOutput,
    // With one side unknown the sum would be a lie.
    total: prompt === undefined || completion === undefined ? undefined : prompt + completion,
  });
}

/** What the run cost, in Langfuse's keys. Without it, Langfuse computes a price of its own from its table. */
export function costDetailsOf(cost: Cost | undefined): Counts | undefined {
  if (!cost) return undefined;
  const { inputUsd, outputUsd, totalUsd } = cost;
  return known({ input: inputUsd, output: outputUsd, total: totalUsd }, (amount) => amount);
}

function known(
  counts: Readonly<Record<string, unknown>>,
  form: (count: number) => number = Math.round,
): Counts | undefined {
  const numbers: Record<string, number> = {};
  let isEmpty = true;
  for (const [key, value] of Object.entries(counts)) {
    const count = numberOf(value);
    if (count === undefined || count < 0 || !Number.isFinite(count)) continue;
    numbers[key] = form(count);
    isEmpty = false;
  }
  return isEmpty ? undefined : numbers;
}
