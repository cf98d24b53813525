import { numberOf } from "../codec.ts";
import type { EventFault } from "../fields.ts";
import { isUtcTime } from "../time.ts";
import { expected, missing } from "./foreign.ts";

const PARTS = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?$/;
const FRACTION_CHARS_MAX = ".123456789".length;

/**
 * A foreign time stamp in the canonical spelling, with all digits of its fraction up to nanoseconds:
 * milliseconds since 1970, or a date and time in any zone. Without a zone it is UTC, which is what those who
 * leave it out mean: the machine's own zone would make the meaning of an event depend on where it arrives.
 * Undefined for anything else.
 */
export function toUtcTime(stamp: unknown): string | undefined {
  if (typeof stamp !== "string") return written(numberOf(stamp) ?? Number.NaN, undefined);
  if (isUtcTime(stamp)) return stamp;
  const [, date, time, fraction, zone = "Z"] = PARTS.exec(stamp) ?? [];
  if (date === undefined || time === undefined) return undefined;
  // Checked as if it were UTC first, because Date.parse takes 30 February for a day in March.
  if (!isUtcTime(`${date}T${time}Z`)) return undefined;
  return written(Date.parse(`${date}T${time}${zone.toUpperCase()}`), fraction ?? "");
}

/**
 * Does an object tell the time in a text `timestamp`? The year 1 is Go's way to say that nobody set it, and
 * counts as missing.
 */
export function checkTimestamp({ timestamp }: { readonly timestamp?: unknown }): EventFault | undefined {
  if (timestamp === undefined) return missing("timestamp");
  const time = typeof timestamp === "string" ? toUtcTime(timestamp) : undefined;
  if (time === undefined) return expected("a time as RFC 3339 writes it", "timestamp", timestamp);
  return ZERO_TIME.test(time) ? missing("timestamp") : undefined;
}

const ZERO_TIME = /^0001-01-01T00:00:00(\.0+)?(Z|\+00:00)$/;

/** `fraction` of a second, as text, where the milliseconds have none; undefined where they do. */
function written(ms: number, fraction: string | undefined): string | undefined {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return undefined;
  const iso = date.toISOString();
  const text = fraction === undefined ? iso : `${iso.slice(0, 19)}${fraction.slice(0, FRACTION_CHARS_MAX)}Z`;
  return isUtcTime(text) ? text : undefined;
}
