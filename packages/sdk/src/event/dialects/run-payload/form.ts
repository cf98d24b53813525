import type { Json, JsonObject } from "../../event.ts";
import { checkId, checkName, checkStrings, type EventFault, invalid, requireField } from "../../fields.ts";
import { checkPayloadObject, checkTokenCount, ifGiven, isPayloadObject, needed } from "../foreign.ts";
import { toUtcTime } from "../foreign-time.ts";

/** With the prefix that makes it a kind it must still be an id. */
const EVENT_CHARS_MAX = 100;

/**
 * Does this payload have the form that the dialect can carry over? Null is taken for absent, as Lunary's SDKs
 * send it. Of what is not named here nothing is asked.
 */
export function checkRunPayload(payload: JsonObject): EventFault | undefined {
  const { event, tags, userId } = payload;
  const isFeedback = event === "feedback";
  return (
    requireField(payload, "event") ??
    checkId(event, "event") ??
    (String(event).length > EVENT_CHARS_MAX
      ? invalid("event", `must have at most ${EVENT_CHARS_MAX} characters`)
      : undefined) ??
    (isFeedback ? requireField(payload, "feedback") : needed(payload, "type", checkName)) ??
    ifGiven(payload, "type", checkName) ??
    requireField(payload, "runId") ??
    checkId(payload.runId, "runId") ??
    ifGiven(payload, "parentRunId", checkId) ??
    ifGiven(payload, "name", checkName) ??
    ifGiven(payload, "timestamp", checkStamp) ??
    (userId === "" ? undefined : ifGiven(payload, "userId", checkName)) ??
    ifGiven(payload, "userProps", checkPayloadObject) ??
    ifGiven(payload, "params", checkPayloadObject) ??
    ifGiven(payload, "extra", checkPayloadObject) ??
    ifGiven(payload, "metadata", checkPayloadObject) ??
    (typeof tags === "string" ? undefined : ifGiven(payload, "tags", checkStrings)) ??
    ifGiven(payload, "tokensUsage", checkTokens)
  );
}

function checkStamp(stamp: Json, field: string): EventFault | undefined {
  if (toUtcTime(stamp) !== undefined) return undefined;
  return invalid(field, "must be a time as RFC 3339 writes it, or milliseconds since 1970");
}

function checkTokens(tokens: Json, field: string): EventFault | undefined {
  if (!isPayloadObject(tokens)) return checkPayloadObject(tokens, field);
  for (const name of ["prompt", "completion", "promptCached"]) {
    const fault = ifGiven(tokens, name, checkTokenCount, "tokensUsage.");
    if (fault !== undefined) return fault;
  }
  return undefined;
}
