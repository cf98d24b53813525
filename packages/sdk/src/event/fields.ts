import { ID_CHARS_MAX, NAME_CHARS_MAX, USAGE_MAX } from "./limits.ts";
import { isUtcTime } from "./time.ts";

/**
 * What is wrong with an event. `field` is a path as in JavaScript; `detail` is for people and never repeats a
 * value.
 */
export interface EventFault {
  readonly code: "missing_field" | "invalid_field" | "out_of_range" | "wrong_id";
  readonly field: string;
  readonly detail: string;
}

export type Fields = { readonly [name: string]: unknown };

/*
 * One check for each form that a field can have. An absent field passes: which ones a kind needs is
 * `requireField`'s business. Each returns the first thing that is wrong.
 */

export function checkId(value: unknown, field: string): EventFault | undefined {
  if (value === undefined || isPrintableId(value)) return undefined;
  return invalid(field, `must be a string of 1 to ${ID_CHARS_MAX} printable characters`);
}

export function checkName(value: unknown, field: string): EventFault | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.length > 0 && value.length <= NAME_CHARS_MAX) return undefined;
  return invalid(field, `must be a string of 1 to ${NAME_CHARS_MAX} characters`);
}

export function checkString(value: unknown, field: string): EventFault | undefined {
  return value === undefined || typeof value === "string" ? undefined : invalid(field, "must be a string");
}

export function checkBoolean(value: unknown, field: string): EventFault | undefined {
  return value === undefined || typeof value === "boolean"
    ? undefined
    : invalid(field, "must be true or false");
}

export function checkTime(value: unknown, field: string): EventFault | undefined {
  if (value === undefined || (typeof value === "string" && isUtcTime(value))) return undefined;
  return invalid(field, "must be a time in UTC as RFC 3339 writes it, such as 2026-11-21T05:00:00.123Z");
}

export function checkObject(value: unknown, field: string): EventFault | undefined {
  return value === undefined || isObject(value) ? undefined : invalid(field, "must be an object");
}

export function checkStrings(value: unknown, field: string): EventFault | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return invalid(field, "must be a list of strings");
  for (let index = 0; index < value.length; index++) {
    if (typeof value[index] !== "string") return invalid(`${field}[${index}]`, "must be a string");
  }
  return undefined;
}

export function checkList(value: unknown, field: string): EventFault | undefined {
  return value === undefined || Array.isArray(value) ? undefined : invalid(field, "must be a list");
}

export function checkSpanId(value: unknown, field: string): EventFault | undefined {
  if (value === undefined || (typeof value === "string" && SPAN_ID.test(value))) return undefined;
  return invalid(field, "must be 16 hexadecimal digits");
}

export function checkCount(value: unknown, field: string): EventFault | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number") return invalid(field, "must be a number");
  if (value >= 0 && value <= USAGE_MAX) return undefined;
  return { code: "out_of_range", field, detail: `must be between 0 and ${USAGE_MAX}` };
}

/** For one field, so that nothing is allocated for an event that has it. */
export function requireField(fields: Fields, name: string, prefix = ""): EventFault | undefined {
  if (fields[name] !== undefined) return undefined;
  return {
    code: "missing_field",
    field: prefix + name,
    detail: "is missing, and this kind of event needs it",
  };
}

export function invalid(field: string, detail: string): EventFault {
  return { code: "invalid_field", field, detail };
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * No control characters, no line separators and no half of a surrogate pair: it may stand in any log, header
 * or URL.
 */
function isPrintableId(value: unknown): boolean {
  if (typeof value !== "string" || value.length === 0 || value.length > ID_CHARS_MAX) return false;
  return PRINTABLE_ASCII.test(value) || (value.isWellFormed() && !UNPRINTABLE.test(value));
}

const SPAN_ID = /^[\da-fA-F]{16}$/;

/** Nearly every id; the other pattern is for the rest, and slow. */
const PRINTABLE_ASCII = /^[ -~]+$/;
const UNPRINTABLE = /[\p{Cc}\u2028\u2029]/u;
