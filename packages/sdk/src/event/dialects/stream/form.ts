import type { JsonObject } from "../../event.ts";
import { checkId, checkName, type EventFault, invalid, isObject, requireField } from "../../fields.ts";
import { checkTimestamp } from "../foreign-time.ts";
import { isPayloadObject } from "../run-payload/form.ts";

/** With the prefix that makes it a kind it must still be an id. */
const TYPE_CHARS_MAX = 100;

/**
 * Is this a stream event? Undefined if so, else the first thing that is wrong, by its path. A type is any
 * short name, known or not; a timestamp that nobody set (`0001-01-01T00:00:00Z`) is missing.
 */
export function validateStreamEvent(value: unknown): EventFault | undefined {
  if (!isObject(value)) return invalid("", "a stream event must be an object");
  const { type, data } = value;
  return (
    requireField(value, "type") ??
    checkId(type, "type") ??
    (String(type).length > TYPE_CHARS_MAX
      ? invalid("type", `must have at most ${TYPE_CHARS_MAX} characters`)
      : undefined) ??
    requireField(value, "data") ??
    (isPayloadObject(data as JsonObject) ? undefined : invalid("data", "must be an object")) ??
    checkTimestamp(value)
  );
}

/** What tells one event from its twin: an `id`, or the place in a stream. Null counts as absent. */
export function checkIdentity(payload: JsonObject): EventFault | undefined {
  const { id, stream_id, seq } = payload;
  if (id !== undefined && id !== null) return checkId(id, "id");
  if (stream_id === undefined || stream_id === null || seq === undefined || seq === null) return undefined;
  const fault = checkName(stream_id, "stream_id");
  // Beyond it two numbers may be one double, and two facts would have one id.
  return fault ?? (isSeq(seq) ? undefined : invalid("seq", "must be a whole number from 0 to 2^53 - 1"));
}

function isSeq(seq: unknown): boolean {
  return Number.isSafeInteger(seq) && Number(seq) >= 0;
}
