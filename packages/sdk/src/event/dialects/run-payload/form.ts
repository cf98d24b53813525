import { numberOf } from "../../codec.ts";
import type { Json, JsonObject } from "../../event.ts";
import {
  checkCount,
  checkId,
  checkName,
  checkStrings,
  type EventFault,
  invalid,
  requireField,
} from "../../fields.ts";
import { isPayloadObject } from "../foreign.ts";
import { toUtcTime } from "../foreign-time.ts";

/** With the prefix that makes it a kind it must still be an id. */
const EVENT_CHARS_MAX = 100;

/**
 * Does this payload have the form that the dialect can carry over? Null is taken for absent, as Lunary's SDKs
 * send it. Of what is not named here nothing is asked.
 */
export function checkRunPayload(payload: JsonObject): EventFault | undefined {
  const { event, tags, tokensUsage } = payload;
  const isFeedback = event === "feedback";
  return (
    requireField(payload, "event") ??
    checkId(event, "event") ??
    (String(event).length > EVENT_CHARS_MAX
      ? invalid("event", `must have at most ${EVENT_CHARS_MAX} characters`)
      : undefined) ??
    (isFeedback ? requireField(payload, "feedback") : requireField(payload, "type")) ??
    checkName((isFeedback ? present(payload.type) : payload.type) ?? undefined, "type") ??
    requireField(payload, "runId") ??
    checkId(payload.runId, "runId") ??
    checkId(present(payload.parentRunId), "parentRunId") ??
    checkName(present(payload.name), "name") ??
    checkStamp(present(payload.timestamp)) ??
    checkName(payload.userId === "" ? undefined : present(payload.userId), "userId") ??
    checkPayloadObject(payload, "userProps") ??
    checkPayloadObject(payload, "params") ??
    checkPayloadObject(payload, "extra") ??
    checkPayloadObject(payload, "metadata") ??
    (typeof tags === "string" ? undefined : checkStrings(present(tags), "tags")) ??
    checkTokens(present(tokensUsage))
  );
}

function present(value: Json | undefined): Json | undefined {
  return value ?? undefined;
}

function checkPayloadObject(payload: JsonObject, name: string): EventFault | undefined {
  const value = present(payload[name]);
  return value === undefined || isPayloadObject(value) ? undefined : invalid(name, "must be an object");
}

function checkStamp(stamp: Json | undefined): EventFault | undefined {
  if (stamp === undefined || toUtcTime(stamp) !== undefined) return undefined;
  return invalid("timestamp", "must be a time as RFC 3339 writes it, or milliseconds since 1970");
}

function checkTokens(tokens: Json | undefined): EventFault | undefined {
  if (tokens === undefined) return undefined;
  if (!isPayloadObject(tokens)) return invalid("tokensUsage", "must be an object");
  for (const name of ["prompt", "completion", "promptCached"]) {
    const value = present(tokens[name]);
    const fault = checkCount(numberOf(value) ?? value, `tokensUsage.${name}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
