import type { JsonObject, Run } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";

/**
 * What a model's run cost and what its price depends on, as scalars for the metadata: Lunary has columns for
 * two totals and for what was read from the cache, and computes a cost of its own by the run's name.
 */
export function priceFactsOf(run: Run): JsonObject {
  if (run.type !== "llm" && run.type !== "embedding") return {};
  const { usage, cost, request, response } = run;
  const model = response?.model ?? request?.model;
  return {
    provider: run.provider,
    // Its name is the model that was asked for, or none at all.
    ...(model !== (run.name ?? request?.model) && { model }),
    cacheWrite5mTokens: some(usage?.cacheWrite5m),
    cacheWrite1hTokens: some(usage?.cacheWrite1h),
    reasoningTokens: some(usage?.reasoning),
    audioInputTokens: some(usage?.audioInput),
    audioOutputTokens: some(usage?.audioOutput),
    ...(usage && usage.source !== "provider" && { usageSource: usage.source }),
    costUsd: numberOf(cost?.totalUsd),
    ...(cost?.isEstimate && { costIsEstimate: true }),
  };
}

/** Most providers say 0 of what their model cannot do. */
function some(count: unknown): number | undefined {
  return numberOf(count) || undefined;
}
