import type { Usage } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";
import type { Priceable, Sides } from "./cost.ts";

/** Prices of one's own, in US dollars for a million tokens: a discount, a machine of one's own. */
export interface PriceOverride {
  /** The model's name, or how it begins: `llama-*`. */
  readonly model: string;
  /** As events name it; of every provider where it is absent. */
  readonly provider?: string;
  /** From when on, as an ISO date. The latest that is not after the run counts. */
  readonly from?: string;
  readonly input: number;
  readonly output: number;
  /** What is absent costs as much as its side does. */
  readonly cacheRead?: number;
  readonly cacheWrite5m?: number;
  /** Where it is absent, as `cacheWrite5m`. */
  readonly cacheWrite1h?: number;
  readonly reasoning?: number;
  readonly audioInput?: number;
  readonly audioOutput?: number;
}

/** The override that fits a run's model, provider and day; of two of the same day the later in the list. */
export function overrideFor(
  { provider, model, at }: Priceable,
  overrides: readonly PriceOverride[],
): PriceOverride | undefined {
  return overrides
    .filter((one) => fits(one.model, model) && (one.provider === undefined || one.provider === provider))
    .filter((one) => startOf(one) <= at.getTime())
    .reduce<PriceOverride | undefined>(
      (best, one) => (best === undefined || startOf(one) >= startOf(best) ? one : best),
      undefined,
    );
}

export function priceByOverride(usage: Usage, price: PriceOverride): Sides {
  const write = price.cacheWrite5m ?? price.input;
  return {
    inputUsd: dollars([
      [usage.input, price.input],
      [usage.cacheRead, price.cacheRead ?? price.input],
      [usage.cacheWrite5m, write],
      [usage.cacheWrite1h, price.cacheWrite1h ?? write],
      [usage.audioInput, price.audioInput ?? price.input],
    ]),
    outputUsd: dollars([
      [usage.output, price.output],
      [usage.reasoning, price.reasoning ?? price.output],
      [usage.audioOutput, price.audioOutput ?? price.output],
    ]),
  };
}

const TOKENS_PER_PRICE = 1_000_000;

function dollars(parts: readonly (readonly [number | undefined, number])[]): number {
  let sum = 0;
  for (const [tokens, price] of parts) sum += (numberOf(tokens) ?? 0) * price;
  return sum / TOKENS_PER_PRICE;
}

function fits(pattern: string, model: string): boolean {
  return pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : model === pattern;
}

function startOf({ from }: PriceOverride): number {
  return from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from);
}
