import type { Event, JsonObject, Origin } from "../event.ts";
import { isObject } from "../fields.ts";

/*
 * How a payload comes out as it came in, field for field and in the order it had. The conversion writes the
 * canonical event back at once and compares: what does not come out as the very same value is kept in
 * `origin.rest`, and other keys than the expected ones, or another order, in `origin.keys`. No list of
 * special cases can then be forgotten.
 */

/** What the event, written back, does not reproduce of `payload`. `keys` are those that the payload had. */
export function originOf(
  dialect: string,
  payload: JsonObject,
  event: Event,
  writeBack: (event: Event, keys: readonly string[]) => JsonObject,
): Origin {
  const keys = Object.keys(payload);
  const written = writeBack(event, keys);
  const expected = Object.keys(writeBack(event, []));
  const isExpected = keys.length === expected.length && keys.every((key, at) => key === expected[at]);
  const rest = Object.entries(payload).filter(
    ([key, value]) => !Object.hasOwn(written, key) || !Object.is(written[key], value),
  );
  return {
    dialect,
    ...(!isExpected && { keys }),
    ...(rest.length > 0 && { rest: Object.fromEntries(rest) }),
  };
}

/**
 * What `originOf` said of an event that came in this dialect; undefined for any other event. Senders write no
 * origin, and one that they made up all the same, and that is in no form, counts as none.
 */
export function originIn({ origin }: Pick<Event, "origin">, dialect: string): Origin | undefined {
  if (!isObject(origin) || origin.dialect !== dialect) return undefined;
  const { keys = [], rest = {} } = origin;
  return Array.isArray(keys) && keys.every((key) => typeof key === "string") && isObject(rest)
    ? origin
    : undefined;
}

/** The payload that `originOf` was told of. */
export function asItCame<Told>(
  event: Told,
  origin: Origin,
  writeBack: (event: Told, keys: readonly string[]) => JsonObject,
): JsonObject {
  const written = writeBack(event, origin.keys ?? []);
  const { rest = {}, keys = Object.keys(written) } = origin;
  const members = { ...written, ...rest };
  // Own members only: a key may be called `constructor`.
  const present = keys.filter((key) => Object.hasOwn(members, key));
  return Object.fromEntries(present.map((key) => [key, members[key]]));
}
