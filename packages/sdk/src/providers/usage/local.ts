import type { Counts } from "./counts.ts";
import type { UsageReading } from "./reading.ts";

/** The last line of an Ollama answer has its counts among all else, so only they are kept as its usage. */
export function readOllama(counts: Counts): UsageReading {
  return {
    buckets: { input: counts.of("prompt_eval_count"), output: counts.of("eval_count") },
    raw: counts.pick(/_(count|duration)$/),
  };
}

/** `stats` of LM Studio's own interface; what its model thought is part of the output. */
export function readLmStudio(counts: Counts): UsageReading {
  const reasoning = counts.of("reasoning_output_tokens");
  const output = counts.rest(counts.of("total_output_tokens"), reasoning);
  return { buckets: { input: counts.of("input_tokens"), output, reasoning } };
}

/** `stats` as LM Studio's own package names them. */
export function readLmStudioPackage(counts: Counts): UsageReading {
  return {
    total: counts.of("totalTokensCount"),
    buckets: { input: counts.of("promptTokensCount"), output: counts.of("predictedTokensCount") },
  };
}
