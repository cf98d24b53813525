import { numberOf } from "../../codec.ts";
import type { Json } from "../../event.ts";

/** An event may be 64 levels deep, of which it takes three to get to a value of its metadata. */
const DEPTH_MAX = 60;

/**
 * A copy of `value` as JSON carries it, so that what happens to the original later does not matter. What JSON
 * would leave out, refuse or turn into something else (`undefined`, a function, a bigint, `NaN`, a `Map`, an
 * `Error`, a circle …) is a TypeError that says where it stands; `path` is the name of the whole. As
 * everywhere in JavaScript, a property that is `undefined` is none, and `toJSON` has its say.
 */
export function carried(value: unknown, path: string): Json {
  try {
    return copy(value, path, []);
  } catch (error) {
    if (error instanceof NotJson) throw new TypeError(error.message);
    throw new TypeError(`${path} cannot be read: it threw when it was asked for its value.`, {
      cause: error,
    });
  }
}

class NotJson extends TypeError {}

function copy(value: unknown, path: string, within: readonly object[]): Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      // Minus zero, which JSON.stringify does not know, becomes zero by this.
      if (Number.isFinite(value)) return value + 0;
      throw refusal(path, String(value));
    case "object":
      return value === null ? null : copyObject(value, path, within);
    case "undefined":
      throw refusal(path, "undefined");
    default:
      throw refusal(path, `a ${typeof value}`);
  }
}

function copyObject(value: object, path: string, within: readonly object[]): Json {
  // It keeps its text, and is frozen.
  if (numberOf(value) !== undefined) return value as unknown as Json;
  if (within.includes(value)) throw refusal(path, "an object that contains itself");
  if (within.length === DEPTH_MAX) throw refusal(path, `more than ${DEPTH_MAX} levels deep`);
  const inside = [...within, value];
  if (value instanceof Date && Number.isNaN(value.getTime())) throw refusal(path, "a Date without a time");
  if ("toJSON" in value && typeof value.toJSON === "function") return copy(value.toJSON(), path, inside);
  // A hole in a list is undefined here, and refused.
  if (Array.isArray(value)) return Array.from(value, (item, at) => copy(item, `${path}[${at}]`, inside));
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (kind !== "Object") throw refusal(path, `of type ${kind}`);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [key, copy(item, `${path}.${key}`, inside)]));
}

function refusal(path: string, what: string): NotJson {
  return new NotJson(`${path} is ${what}, which JSON cannot carry. Convert it first.`);
}
