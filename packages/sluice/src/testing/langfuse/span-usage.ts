import type { OtlpAttributes } from "../otlp/span.ts";

type Counts = Readonly<Record<string, number>>;

/**
 * `langfuse.observation.usage_details` word for word; else the usage of the conventions, whose totals contain
 * what was cached and thought. Langfuse always subtracts: whoever sends Anthropic's exclusive input there,
 * sees 0.
 */
export function usageOfSpan(attributes: OtlpAttributes): Counts | undefined {
  const explicit = countsIn(attributes["langfuse.observation.usage_details"]);
  if (explicit) return explicit;
  const usage = (...names: readonly string[]) => {
    const name = names.find((each) => typeof attributes[`gen_ai.usage.${each}`] === "number");
    return name === undefined ? undefined : Number(attributes[`gen_ai.usage.${name}`]);
  };
  const input = usage("input_tokens", "prompt_tokens");
  const output = usage("output_tokens", "completion_tokens");
  if (input === undefined && output === undefined) return undefined;
  const cached = usage("cache_read.input_tokens", "cache_read_input_tokens");
  const creation = usage("cache_creation.input_tokens", "cache_creation_input_tokens");
  const reasoning = usage("reasoning.output_tokens", "reasoning_tokens");
  const details = {
    input: input === undefined ? undefined : Math.max(0, input - (cached ?? 0) - (creation ?? 0)),
    output: output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0)),
    input_cached_tokens: cached,
    input_cache_creation: creation,
    output_reasoning_tokens: reasoning,
  };
  return Object.fromEntries(
    Object.entries(details).flatMap(([key, count]) => (count === undefined ? [] : [[key, count]])),
  );
}

export function costOfSpan(attributes: OtlpAttributes): Counts | undefined {
  const explicit = countsIn(attributes["langfuse.observation.cost_details"]);
  if (explicit) return explicit;
  const total = attributes["gen_ai.usage.cost"] ?? attributes["llm.cost.total"];
  return typeof total === "number" ? { total } : undefined;
}

/** A JSON object in a text; anything else is nothing. */
function countsIn(value: unknown): Counts | undefined {
  if (typeof value !== "string") return undefined;
  try {
    const json: unknown = JSON.parse(value);
    return typeof json === "object" && json !== null ? (json as Counts) : undefined;
  } catch {
    return undefined; // No JSON: as if it were not there.
  }
}
