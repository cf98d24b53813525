import type { Json, JsonObject } from "@sluice/sdk";
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
  return hasSeals(value) ? unsealed(value) : value;
}

/** Most have none, and are looked at for less than a copy takes. */
function hasSeals(value: Json | undefined): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isList(value)) return value.some(hasSeals);
  for (const name of Object.keys(value)) {
    if (isSealed(value, name) || hasSeals(value[name])) return true;
  }
  return false;
}

function isSealed({ type }: JsonObject, name: string): boolean {
  if (name === "signature") return type === "thinking";
  if (name === "data") return type === "redacted_thinking";
  return SEALED.has(name);
}

function unsealed(value: Json): Json {
  if (typeof value !== "object" || value === null || numberOf(value) !== undefined) return value;
  if (isList(value)) {
    const items = value.map(unsealed);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  let isChanged = false;
  const kept: [string, Json | undefined][] = [];
  for (const [name, member] of Object.entries(value)) {
    const clean = member === undefined ? undefined : unsealed(member);
    isChanged ||= clean !== member || isSealed(value, name);
    if (!isSealed(value, name)) kept.push([name, clean]);
  }
  return isChanged ? Object.fromEntries(kept) : value;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
