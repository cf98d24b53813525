import type { ModelInfo } from "@pydantic/genai-prices";
import type { Usage } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";
import type { Sides } from "./cost.ts";

/** Prices that hold at any time and for any length, in US dollars for a million tokens. */
export interface FlatPrice {
  readonly input: number;
  readonly output: number;
  /** Undefined: the table has none, and says elsewhere what then counts. */
  readonly cacheRead: number | undefined;
}

/**
 * Undefined for a model whose prices depend on the day, on the prompt's length, or on what was thought, and
 * for one with a fee for each call.
 */
export function flatPriceOf({ prices }: ModelInfo): FlatPrice | undefined {
  if (Array.isArray(prices)) return undefined;
  const { input_mtok: input, output_mtok: output, cache_read_mtok: cacheRead } = prices;
  if (typeof input !== "number" || typeof output !== "number") return undefined;
  if (typeof cacheRead === "object" || prices["output_reasoning_mtok"] !== undefined) return undefined;
  if (prices["requests_kcount"] !== undefined) return undefined;
  return { input, output, cacheRead };
}

/**
 * What nearly every run costs, in a tenth of the time that the table's own calculation takes: that asks for
 * each price which others it overlaps. Undefined for a usage with more in it than this can tell.
 */
export function priceFlat(usage: Usage, price: FlatPrice): Sides | undefined {
  const { cacheWrite5m, cacheWrite1h, audioInput, audioOutput } = usage;
  if (cacheWrite5m || cacheWrite1h || audioInput || audioOutput) return undefined;
  const cacheRead = numberOf(usage.cacheRead) ?? 0;
  if (cacheRead > 0 && price.cacheRead === undefined) return undefined;
  const input = numberOf(usage.input) ?? 0;
  const output = (numberOf(usage.output) ?? 0) + (numberOf(usage.reasoning) ?? 0);
  return {
    inputUsd: (input * price.input + cacheRead * (price.cacheRead ?? 0)) / TOKENS_PER_PRICE,
    outputUsd: (output * price.output) / TOKENS_PER_PRICE,
  };
}

const TOKENS_PER_PRICE = 1_000_000;
