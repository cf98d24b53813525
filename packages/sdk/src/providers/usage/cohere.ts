import type { Counts } from "./counts.ts";
import type { UsageReading } from "./reading.ts";

/**
 * Cohere's: what its model read and wrote, its own preamble included, and what it bills for. The buckets are
 * the former, of which the cache is a part; embeddings and reranking have only the latter.
 */
export function readCohere(counts: Counts): UsageReading {
  const billed = counts.under("billed_units");
  const billedInput = billed.of("input_tokens");
  const billedOutput = billed.of("output_tokens");
  const tokens = counts.under("tokens");
  const input = tokens.of("input_tokens");
  const output = tokens.of("output_tokens");
  if (differ(input, billedInput) || differ(output, billedOutput)) counts.flags.add("billed");
  const cacheRead = counts.of("cached_tokens");
  return {
    buckets: {
      input: counts.rest(input ?? billedInput, cacheRead),
      cacheRead,
      output: output ?? billedOutput,
    },
  };
}

function differ(read: number | undefined, billed: number | undefined): boolean {
  return read !== undefined && billed !== undefined && read !== billed;
}
