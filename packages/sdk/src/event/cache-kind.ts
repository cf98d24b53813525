import { numberOf } from "./codec.ts";
import type { Usage } from "./event.ts";

/** Did the provider's cache have a part of the prompt? Undefined where the provider does not say. */
export function cacheKindOf(usage: Usage | undefined): "cache.hit" | "cache.miss" | undefined {
  const cacheRead = numberOf(usage?.cacheRead);
  if (cacheRead === undefined) return undefined;
  return cacheRead > 0 ? "cache.hit" : "cache.miss";
}
