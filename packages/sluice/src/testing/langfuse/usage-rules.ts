import { z } from "zod";

/**
 * What Langfuse makes of `usageDetails`: an exact usage object of OpenAI is taken apart into disjoint keys;
 * with one strange key in it, or of another provider, it is stored as it is, and whatever is no whole count
 * is dropped without a word (Langfuse v4.16, run against its schema with zod 4.3.6).
 */
export function usageDetailsRule(value: unknown): Readonly<Record<string, number>> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [schema, input, output] of OPENAI) {
    const usage = schema.safeParse(value);
    if (usage.success) return disjoint(usage.data, input, output);
  }
  const counts = Object.entries(value).filter(([, count]) => Number.isInteger(count) && count >= 0);
  return Object.fromEntries(counts);
}

const count = z.int().nonnegative();
const details = z.record(z.string(), count.nullish()).nullish();
const total_tokens = count;

const OPENAI = [
  [
    z.strictObject({
      prompt_tokens: count,
      completion_tokens: count,
      total_tokens,
      prompt_tokens_details: details.optional(),
      completion_tokens_details: details.optional(),
    }),
    "prompt_tokens",
    "completion_tokens",
  ],
  [
    z.strictObject({
      input_tokens: count,
      output_tokens: count,
      total_tokens,
      input_tokens_details: details.optional(),
      output_tokens_details: details.optional(),
    }),
    "input_tokens",
    "output_tokens",
  ],
] as const;

function disjoint(usage: object, input: string, output: string): Record<string, number> {
  const members = usage as Record<string, unknown>;
  const result: Record<string, number> = { total: Number(members["total_tokens"]) };
  for (const [side, name] of [
    ["input", input],
    ["output", output],
  ] as const) {
    let rest = Number(members[name]);
    for (const [key, value] of Object.entries(Object(members[`${name}_details`]) as object)) {
      if (typeof value !== "number") continue;
      result[`${side}_${key}`] = value;
      rest = Math.max(rest - value, 0);
    }
    result[side] = rest;
  }
  return result;
}
