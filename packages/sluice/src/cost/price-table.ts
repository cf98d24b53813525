import { calcPrice, type PriceCalculationResult, type Provider } from "@pydantic/genai-prices";
import type { Usage } from "@sluice/sdk";
import { completionTokensOf, promptTokensOf, totalOf } from "@sluice/sdk/internal";
import type { Priceable, Sides } from "./cost.ts";
import { type FlatPrice, flatPriceOf, priceFlat } from "./flat-price.ts";

/** OpenTelemetry's names of providers, where the table knows them by others and does not guess it. */
const PROVIDER_IDS: Readonly<Record<string, string>> = {
  x_ai: "x-ai",
  xai: "x-ai",
  "azure.ai.openai": "azure",
  "azure.ai.inference": "azure",
};

/**
 * Published prices by day and by the length of the prompt, from @pydantic/genai-prices. Undefined where the
 * table lacks the model or the price of a side: it would count that as 0. A provider that it does not know
 * (a machine of one's own) has no prices, whatever its models are called.
 */
export function priceByTable({ provider, model, at, usage }: Priceable): Sides | undefined {
  const key = `${provider ?? ""}\n${model}`;
  const known = found.get(key);
  if (known === NOT_FOUND) return undefined;
  const flat = known?.flat && priceFlat(usage, known.flat);
  if (flat !== undefined) return flat;
  const price = calculated(tableUsageOf(usage), model, at, known?.provider ?? idOf(provider));
  if (price === undefined) return undefined;
  if (known === undefined) keep(key, price);
  if (price === null) return undefined;
  const { input_mtok: input, output_mtok: output } = price.model_price;
  if (input === undefined && promptTokensOf(usage)) return undefined;
  if (output === undefined && completionTokensOf(usage)) return undefined;
  const sides = { inputUsd: price.input_price, outputUsd: price.output_price };
  const fee = price.model_price["requests_kcount"];
  return typeof fee === "number" ? { ...sides, callUsd: fee / CALLS_PER_PRICE } : sides;
}

const CALLS_PER_PRICE = 1_000;

function idOf(provider: string | undefined): string | undefined {
  return provider && (Object.hasOwn(PROVIDER_IDS, provider) ? PROVIDER_IDS[provider] : provider);
}

/** Null: the table has no such model. */
function calculated(
  usage: Record<string, number>,
  model: string,
  timestamp: Date,
  of: Provider | string | undefined,
): PriceCalculationResult | undefined {
  const provider = typeof of === "string" ? of !== "" && { providerId: of } : of && { provider: of };
  try {
    return calcPrice(usage, model, { timestamp, ...provider });
  } catch {
    // The table contradicts itself, or the usage does: then no price is known either.
    return undefined;
  }
}

/**
 * The table looks for a model by trying the patterns of all, which takes longer than the calculation: so what
 * it has found is kept, as a provider that has this model alone.
 */
const found = new Map<string, Found | typeof NOT_FOUND>();
const NOT_FOUND = "not found";
/** Names come from outside. Nobody uses so many models, or such names. */
const FOUND_MAX = 1_000;
const KEY_CHARS_MAX = 500;

interface Found {
  readonly provider: Provider;
  readonly flat: FlatPrice | undefined;
}

function keep(key: string, price: PriceCalculationResult): void {
  if (key.length > KEY_CHARS_MAX) return;
  if (found.size >= FOUND_MAX) found.clear();
  if (price === null) found.set(key, NOT_FOUND);
  else {
    const { model } = price;
    const provider = { ...price.provider, extractors: [], models: [model] };
    found.set(key, { provider, flat: flatPriceOf(model) });
  }
}

/**
 * The table counts totals and says "of which", where our buckets are disjoint. It wants to hear of overlaps:
 * there are none, since cached audio is not in our audio.
 */
function tableUsageOf(usage: Usage): Record<string, number> {
  const { cacheRead, cacheWrite5m, cacheWrite1h, audioInput, audioOutput, reasoning } = usage;
  const counts = {
    input_tokens: promptTokensOf(usage),
    cache_read_tokens: totalOf(cacheRead),
    cache_write_tokens: totalOf(cacheWrite5m, cacheWrite1h),
    cache_write_1h_tokens: totalOf(cacheWrite1h),
    input_audio_tokens: totalOf(audioInput),
    ...(audioInput && { cache_audio_read_tokens: 0, cache_audio_write_tokens: 0 }),
    output_tokens: completionTokensOf(usage),
    output_reasoning_tokens: totalOf(reasoning),
    output_audio_tokens: totalOf(audioOutput),
    ...(audioOutput && { output_audio_reasoning_tokens: 0 }),
  };
  const known = Object.entries(counts).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(known);
}
