import { numberOf } from "./codec.ts";
import type { Usage } from "./event.ts";

/** All that the model read, cached or not, as most backends count it; undefined where no bucket is known. */
export function promptTokensOf(usage: Usage | undefined): number | undefined {
  if (usage === undefined) return undefined;
  const { input, cacheRead, cacheWrite5m, cacheWrite1h, audioInput } = usage;
  return totalOf(input, cacheRead, cacheWrite5m, cacheWrite1h, audioInput);
}

/** All that the model wrote, thoughts included; undefined where no bucket is known. */
export function completionTokensOf(usage: Usage | undefined): number | undefined {
  return usage && totalOf(usage.output, usage.reasoning, usage.audioOutput);
}

/**
 * The sum of the buckets that are known; undefined where none is. A stored `10.0` keeps its text when it is
 * decoded, and is no number to JavaScript then: hence `numberOf`.
 */
export function totalOf(...buckets: readonly unknown[]): number | undefined {
  let total: number | undefined;
  for (const bucket of buckets) {
    const count = numberOf(bucket);
    if (count !== undefined) total = (total ?? 0) + count;
  }
  return total;
}
