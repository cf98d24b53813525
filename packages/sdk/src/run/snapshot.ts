import { EVENT_LIMITS } from "../event/limits.ts";

/**
 * A copy of a value as it is now. A run says at its end what it said at its start, and applications go on
 * with the same list of messages meanwhile. Lists and plain objects are copied; everything else (a Date, a
 * class of the application's own) is shared, and so is what lies beyond the limits, which no event may
 * hold anyway. Throws only what the application's own getters throw.
 */
export function snapshot<Value>(value: Value): Value {
  return copy(value, 0, { left: EVENT_LIMITS.nodes }) as Value;
}

function copy(value: unknown, depth: number, nodes: { left: number }): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth >= EVENT_LIMITS.depth || --nodes.left < 0) return value;
  if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1, nodes));
  const prototype = Object.getPrototypeOf(value);
  // Something with a toJSON says itself what it is.
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) return value;
  const copied: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__") return value;
    copied[key] = copy(item, depth + 1, nodes);
  }
  return copied;
}
