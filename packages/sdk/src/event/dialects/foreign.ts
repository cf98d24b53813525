import { numberOf } from "../codec.ts";
import type { Json, JsonObject } from "../event.ts";
import { checkCount, checkId, type EventFault, type Fields, invalid, isObject } from "../fields.ts";
import { NAME_CHARS_MAX } from "../limits.ts";

/*
 * What the dialects ask of foreign fields, and how they say what is wrong: the field, what it must be, and
 * what kind of value was there, never the value. Null is taken for absent unless the form needs the field.
 */

/** Makes a custom kind of what a foreign form calls an event: with a prefix it must still be an id. */
const TYPE_CHARS_MAX = 100;

/** A number that kept its text is an object to JavaScript, and a number to us. */
export function isPayloadObject(value: Json | undefined): value is JsonObject {
  return isObject(value) && numberOf(value) === undefined;
}

/** Null counts as absent. */
export function hasValue(value: Json | undefined): value is Json {
  return value !== undefined && value !== null;
}

/** The fields that have a value, in their order. */
export function known(fields: { readonly [name: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A string of at least one character; undefined for anything else. */
export function textIn(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** As `textIn`, and short enough for a name. */
export function nameIn(value: Json | undefined): string | undefined {
  const text = textIn(value);
  return text !== undefined && text.length <= NAME_CHARS_MAX ? text : undefined;
}

type Check = (value: Json, field: string) => EventFault | undefined;

/** A field that may be missing. `prefix` is the way to the object that has it, such as `update.` */
export function ifGiven(from: JsonObject, name: string, check: Check, prefix = ""): EventFault | undefined {
  const value = from[name];
  return hasValue(value) ? check(value, prefix + name) : undefined;
}

/** A field that must be there. */
export function needed(from: JsonObject, name: string, check: Check, prefix = ""): EventFault | undefined {
  return hasValue(from[name]) ? ifGiven(from, name, check, prefix) : missing(prefix + name);
}

/** A field that must be there, and must become part of a kind. */
export function checkEventType(payload: Fields, name: string): EventFault | undefined {
  const value = payload[name];
  if (value === undefined) return missing(name);
  if (typeof value === "string" && value.length <= TYPE_CHARS_MAX && checkId(value, name) === undefined)
    return undefined;
  return expected(`a string of 1 to ${TYPE_CHARS_MAX} printable characters`, name, value);
}

export function checkForeignId(value: unknown, field: string): EventFault | undefined {
  const fault = checkId(value, field);
  return fault && { ...fault, detail: `${fault.detail}, not ${kindOfValue(value)}` };
}

/** Text that becomes a name. Forms that know no absence write it empty. */
export function checkText(value: unknown, field: string): EventFault | undefined {
  if (typeof value === "string" && value.length <= NAME_CHARS_MAX) return undefined;
  return expected(`a string of at most ${NAME_CHARS_MAX} characters`, field, value);
}

export function checkPayloadObject(value: Json | undefined, field: string): EventFault | undefined {
  return isPayloadObject(value) ? undefined : expected("an object", field, value);
}

/** A count of tokens, which may have kept its text. */
export function checkTokenCount(value: Json, field: string): EventFault | undefined {
  return checkCount(numberOf(value) ?? value, field);
}

export function missing(field: string): EventFault {
  return { code: "missing_field", field, detail: "is missing, and this form needs it" };
}

/** The fault of a value that is another thing than `what`. */
export function expected(what: string, field: string, value: unknown): EventFault {
  return invalid(field, `must be ${what}, not ${kindOfValue(value)}`);
}

function kindOfValue(value: unknown): string {
  if (value === null) return "null";
  if (numberOf(value) !== undefined) return "a number";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `a string of ${value.length} characters`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
