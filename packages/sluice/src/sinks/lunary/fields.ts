import type { Json, JsonObject, Usage } from "@sluice/sdk";
import { completionTokensOf, numberOf, promptTokensOf } from "@sluice/sdk/internal";

/**
 * Lunary keeps scalars and lists of scalars on the first level of metadata and drops the rest, so nested
 * objects are spread over dotted keys: `{a: {b: 1}}` is `{"a.b": 1}`. A list with objects in it is kept as
 * its JSON text.
 */
export function flattened(metadata: JsonObject): JsonObject {
  const flat: [key: string, value: Json][] = [];
  const spread = (prefix: string, value: Json | undefined): void => {
    if (value === undefined || value === null) return;
    if (typeof value !== "object" || isRawNumber(value)) {
      flat.push([prefix, value]);
    } else if (isList(value)) {
      flat.push([prefix, value.every(isScalar) ? value : JSON.stringify(value)]);
    } else {
      for (const [key, inner] of Object.entries(value))
        spread(prefix === "" ? key : `${prefix}.${key}`, inner);
    }
  };
  spread("", metadata);
  return Object.fromEntries(flat);
}

export interface TokensUsage {
  readonly prompt?: number;
  readonly completion?: number;
  readonly promptCached?: number;
}

/**
 * Lunary's totals include what was cached and what was thought. Absent where no bucket is known: then its
 * server counts.
 */
export function tokensUsage(usage: Usage | undefined): TokensUsage | undefined {
  if (!usage) return undefined;
  const prompt = promptTokensOf(usage);
  const completion = completionTokensOf(usage);
  const promptCached = numberOf(usage.cacheRead);
  if (prompt === undefined && completion === undefined) return undefined;
  return {
    ...(prompt !== undefined && { prompt }),
    ...(completion !== undefined && { completion }),
    ...(promptCached !== undefined && { promptCached }),
  };
}

function isScalar(value: Json): boolean {
  return typeof value !== "object" || value === null || isRawNumber(value);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** A number that the codec keeps as its text, because a double would change it. */
function isRawNumber(value: object): boolean {
  return numberOf(value) !== undefined;
}
