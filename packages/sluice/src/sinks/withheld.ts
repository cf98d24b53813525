import type { Json } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";

/**
 * What a provider signed or sealed for itself alone (thoughts that it wants back byte for byte): of no use to
 * a backend, and not its business. Members of any object.
 */
const SEALED = new Set(["encrypted_content", "thoughtSignature", "thought_signature"]);

/**
 * A request or an answer without them: `signature` of a thought, `data` of a redacted one, and the rest by
 * name. The very same value where there is nothing to take away.
 */
export function withoutSeals(value: Json): Json {
  if (typeof value !== "object" || value === null || numberOf(value) !== undefined) return value;
  if (isList(value)) {
    const items = value.map(withoutSeals);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  const { type } = value;
  const isSealed = (name: string) =>
    SEALED.has(name) ||
    (name === "signature" && type === "thinking") ||
    (name === "data" && type === "redacted_thinking");
  let isChanged = false;
  const kept: [string, Json | undefined][] = [];
  for (const [name, member] of Object.entries(value)) {
    const clean = member === undefined ? undefined : withoutSeals(member);
    isChanged ||= clean !== member || isSealed(name);
    if (!isSealed(name)) kept.push([name, clean]);
  }
  return isChanged ? Object.fromEntries(kept) : value;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
