import type { Json, JsonObject } from "../../event.ts";
import { checkName, type EventFault, invalid, isObject } from "../../fields.ts";
import { checkEventType, checkForeignId, checkPayloadObject, missing } from "../foreign.ts";
import { checkTimestamp } from "../foreign-time.ts";

/**
 * Is this a stream event? Undefined if so, else the first thing that is wrong, by its path. A type is any
 * short name, known or not; a timestamp that nobody set (`0001-01-01T00:00:00Z`) is missing.
 */
export function validateStreamEvent(value: unknown): EventFault | undefined {
  if (!isObject(value)) return invalid("", "a stream event must be an object");
  return (
    checkEventType(value, "type") ??
    (value.data === undefined ? missing("data") : checkPayloadObject(value.data as Json, "data")) ??
    checkTimestamp(value)
  );
}

/** What tells one event from its twin: an `id`, or the place in a stream. Null counts as absent. */
export function checkIdentity(payload: JsonObject): EventFault | undefined {
  const { id, stream_id, seq } = payload;
  if (id !== undefined && id !== null) return checkForeignId(id, "id");
  if (stream_id === undefined || stream_id === null || seq === undefined || seq === null) return undefined;
  const fault = checkName(stream_id, "stream_id");
  // Beyond it two numbers may be one double, and two facts would have one id.
  return fault ?? (isSeq(seq) ? undefined : invalid("seq", "must be a whole number from 0 to 2^53 - 1"));
}

function isSeq(seq: Json): boolean {
  return Number.isSafeInteger(seq) && Number(seq) >= 0;
}
