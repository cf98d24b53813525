import { totalOf } from "../../event/token-totals.ts";
import type { Counts } from "./counts.ts";
import type { Buckets, UsageReading } from "./reading.ts";

/**
 * OpenAI's own (chat, completions, embeddings, responses, images) and that of all who speak its format. It
 * counts totals and says "of which": every detail is part of its total, so it is taken out there. What
 * others add: DeepSeek its cache's hits and misses, Moonshot and Mistral what was cached beside the totals,
 * Azure and Perplexity `reasoning_tokens` there, Alibaba what it wrote to the cache.
 */
export function readOpenai(counts: Counts): UsageReading {
  const total = counts.of("total_tokens");
  return { total, buckets: { ...promptOf(counts), ...completionOf(counts, total) } };
}

function promptOf(counts: Counts): Buckets {
  const whole = counts.of("prompt_tokens", "input_tokens");
  const details = counts.under("prompt_tokens_details", "input_tokens_details", "prompt_token_details");
  const cacheRead = counts.agreed(
    details.of("cached_tokens"),
    counts.of("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"),
  );
  const cacheMiss = counts.of("prompt_cache_miss_tokens");
  if (cacheMiss !== undefined) counts.agreed(whole, totalOf(cacheRead, cacheMiss));
  // Nobody names a lifetime here. Those who write to a cache say that it lives for minutes.
  const cacheWrite5m = details.of("cache_write_tokens", "cache_creation_input_tokens");
  const audio = counts.agreed(details.of("audio_tokens"), counts.of("audio_prompt_tokens"));
  // Some of the audio can be among what the cache had. Who does not say so is taken to count it once.
  const audioInput = counts.rest(audio, details.under("cached_tokens_details").of("audio_tokens"));
  const input = counts.rest(whole, cacheRead, cacheWrite5m, audioInput);
  return { input, cacheRead, cacheWrite5m, audioInput };
}

/**
 * xAI counts reasoning beside the completion, under the names by which all others count it inside. Its total
 * tells; where there is none, what is more than the whole cannot be a part of it.
 */
function completionOf(counts: Counts, total: number | undefined): Buckets {
  const whole = counts.of("completion_tokens", "output_tokens");
  const details = counts.under("completion_tokens_details", "output_tokens_details");
  const reasoning = counts.agreed(
    details.of("reasoning_tokens", "thinking_tokens"),
    counts.of("reasoning_tokens"),
  );
  const audioOutput = details.of("audio_tokens");
  const prompt = counts.of("prompt_tokens", "input_tokens");
  const isBeside =
    (total !== undefined &&
      total !== totalOf(prompt, whole) &&
      total === totalOf(prompt, whole, reasoning)) ||
    (whole !== undefined && reasoning !== undefined && reasoning > whole);
  const output = isBeside ? counts.rest(whole, audioOutput) : counts.rest(whole, reasoning, audioOutput);
  return { output, reasoning, audioOutput };
}
