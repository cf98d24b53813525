import { calcPrice } from "@pydantic/genai-prices";

/** What a price takes, as a backend has it: totals, and what of them has a price of its own. */
export interface Bill {
  readonly provider: string | undefined;
  /** The one that answered, and the one that was asked for. */
  readonly models: readonly unknown[];
  readonly startTime: unknown;
  readonly prompt: number | undefined;
  readonly completion: number | undefined;
  readonly cacheRead?: unknown;
  /** For both lifetimes. */
  readonly cacheWrite?: unknown;
  readonly cacheWrite1h?: unknown;
  readonly reasoning?: unknown;
  readonly audioInput?: unknown;
  readonly audioOutput?: unknown;
}

/** Names that the table does not find its providers by. */
const TABLE_NAMES: Readonly<Record<string, string>> = { x_ai: "x-ai", "azure.ai.openai": "azure" };
/** What the test's configuration says of `mine-*`, in dollars for a million. */
const OWN = { model: /^mine-/, input: 0.5, output: 1, cacheRead: 0.1 };
const MILLION = 1e6;

/** The price of what a backend has; undefined for a model that has none. */
export function recomputedUsd(bill: Bill): number | undefined {
  const { provider = "", startTime } = bill;
  const cacheRead = count(bill.cacheRead);
  for (const model of bill.models) {
    if (typeof model !== "string") continue;
    if (OWN.model.test(model)) {
      const input = (count(bill.prompt) - cacheRead) * OWN.input + cacheRead * OWN.cacheRead;
      return (input + count(bill.completion) * OWN.output) / MILLION;
    }
    const found = calcPrice(tableUsage(bill), model, {
      timestamp: new Date(String(startTime)),
      providerId: TABLE_NAMES[provider] ?? provider,
    });
    if (found) return found.total_price;
  }
  return undefined;
}

function tableUsage(bill: Bill): Record<string, number> {
  return {
    input_tokens: count(bill.prompt),
    cache_read_tokens: count(bill.cacheRead),
    cache_write_tokens: count(bill.cacheWrite),
    cache_write_1h_tokens: count(bill.cacheWrite1h),
    input_audio_tokens: count(bill.audioInput),
    cache_audio_read_tokens: 0,
    cache_audio_write_tokens: 0,
    output_tokens: count(bill.completion),
    output_reasoning_tokens: count(bill.reasoning),
    output_audio_tokens: count(bill.audioOutput),
    output_audio_reasoning_tokens: 0,
  };
}

/** What a backend does not have is nothing to the table. */
export function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
