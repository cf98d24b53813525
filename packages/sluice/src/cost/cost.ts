import type { Cost, Run, Usage } from "@sluice/sdk";
import { completionTokensOf, numberOf, objectOf, promptTokensOf } from "@sluice/sdk/internal";
import { billedOf } from "./billed.ts";
import { overrideFor, type PriceOverride, priceByOverride } from "./override.ts";
import { priceByTable } from "./price-table.ts";

/** What one side and the other cost, before they are added up. */
export interface Sides {
  readonly inputUsd: number;
  readonly outputUsd: number;
  /** For the call itself, whatever its length. The table has the highest such fee of a model, as it says. */
  readonly callUsd?: number;
}

/** One model's tokens at one time. */
export interface Priceable {
  readonly provider: string | undefined;
  readonly model: string;
  readonly at: Date;
  readonly usage: Usage;
}

/**
 * The cost of a run by the prices of its day; undefined where anything that it takes is unknown: the model,
 * its price, the time, the tokens of either side. Never 0 for what is not known. An override goes before the
 * table. The model that answered is asked for first, since a name like `gpt-4o` means another one each year.
 *
 * Usage that is flagged: `billed` is priced by what the provider says that it bills; `malformed` and
 * `iterations` have no cost, since tokens or models are missing; of `details` and `total` it is an estimate.
 */
export function costOf(run: Run, overrides: readonly PriceOverride[] = []): Cost | undefined {
  const usage = billedOf(run.usage);
  const at = new Date(run.startTime ?? Number.NaN);
  if (usage === undefined || Number.isNaN(at.getTime()) || !isWhole(run, usage)) return undefined;
  const isEstimate = usage.source !== "provider" || usage.flags !== undefined || !isListTariff(usage);
  const models = [run.response?.model, run.request?.model].filter((model) => model !== undefined);
  const asked = models.map((model) => ({ provider: run.provider, model, at, usage }));
  for (const one of asked) {
    const override = overrideFor(one, overrides);
    if (override !== undefined) return sumOf(priceByOverride(one.usage, override), "override", isEstimate);
  }
  for (const one of asked) {
    const sides = priceByTable(one);
    if (sides !== undefined) return sumOf(sides, "table", isEstimate);
  }
  return undefined;
}

/** Are all tokens known that are billed? An embedding has no answer. */
function isWhole(run: Run, usage: Usage): boolean {
  if (usage.flags?.some((flag) => flag === "malformed" || flag === "iterations")) return false;
  if (promptTokensOf(usage) === undefined) return false;
  return run.type === "embedding" || completionTokensOf(usage) !== undefined;
}

/**
 * Batches and reserved or slower capacity have prices of their own, which no table has, and searches of
 * Anthropic's are billed besides the tokens.
 */
function isListTariff({ raw }: Usage): boolean {
  if (numberOf(objectOf(raw?.server_tool_use)?.web_search_requests)) return false;
  const tier = raw?.service_tier;
  return typeof tier !== "string" || tier === "standard" || tier === "default" || tier === "auto";
}

/** A hundred-millionth of a cent is kept: what lies below is the error of adding fractions in binary. */
const DIGITS = 10;

function sumOf(sides: Sides, prices: Cost["prices"], isGuess: boolean): Cost {
  const { inputUsd, outputUsd, callUsd = 0 } = sides;
  const round = (usd: number) => Number(usd.toFixed(DIGITS));
  const totalUsd = round(inputUsd + outputUsd + callUsd);
  const isEstimate = isGuess || callUsd > 0;
  return { inputUsd: round(inputUsd), outputUsd: round(outputUsd), totalUsd, prices, isEstimate };
}
