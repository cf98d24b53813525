import type { Usage } from "@sluice/sdk";
import { numberOf, objectOf } from "@sluice/sdk/internal";

/**
 * The usage by which a provider bills: its own counts as they are, or where it says that it bills for others
 * (Cohere, flag `billed`), those. Undefined where it says so and not which.
 */
export function billedOf(usage: Usage | undefined): Usage | undefined {
  if (!usage?.flags?.includes("billed")) return usage;
  const units = objectOf(usage.raw?.billed_units);
  const input = numberOf(units?.input_tokens);
  const output = numberOf(units?.output_tokens);
  if (input === undefined || output === undefined) return undefined;
  const flags = usage.flags.filter((flag) => flag !== "billed");
  return { input, output, source: usage.source, ...(flags.length > 0 && { flags }) };
}
