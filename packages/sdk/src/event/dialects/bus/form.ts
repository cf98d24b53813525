import type { Json, JsonObject } from "../../event.ts";
import { checkName, checkString, type EventFault } from "../../fields.ts";
import {
  checkEventType,
  checkForeignId,
  checkPayloadObject,
  checkText,
  checkTokenCount,
  hasValue,
  ifGiven,
  isPayloadObject,
  needed,
} from "../foreign.ts";
import { checkTimestamp } from "../foreign-time.ts";
import { type BusPayload, isToolUpdate, reportOf } from "./names.ts";

/** The counts of `usage`, disjoint as everywhere here: nothing is in two of them. */
const USAGE_NAMES = [
  "input_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
] as const;

/**
 * Does this payload have the form that the dialect can carry over? Null is taken for absent, and so is a
 * `scroll_id`, a model, a provider or the name of a tool that is empty. Of what is not named here nothing is
 * asked.
 */
export function checkBusEvent(payload: BusPayload): EventFault | undefined {
  const { scroll_id, connector_id } = payload;
  const connector = hasValue(connector_id) ? "connector_id" : "connector_uid";
  return (
    checkEventType(payload, "type") ??
    checkTimestamp(payload) ??
    (scroll_id === "" ? undefined : ifGiven(payload, "scroll_id", checkForeignId)) ??
    needed(payload, connector, checkName) ??
    needed(payload, "native_session_id", checkName) ??
    checkReport(payload)
  );
}

function checkReport(payload: BusPayload): EventFault | undefined {
  switch (reportOf(payload)) {
    case "session":
      return ifGiven(payload, "metadata", checkPayloadObject);
    case "message-start":
      return checkStart(payload);
    case "message-end":
      return checkEnd(payload);
    case "other":
      return undefined;
    default:
      return checkUpdate(payload);
  }
}

function checkStart(payload: BusPayload): EventFault | undefined {
  return (
    needed(payload, "message_id", checkName) ??
    ifGiven(payload, "model", checkText) ??
    ifGiven(payload, "provider", checkText) ??
    ifGiven(payload, "params", checkPayloadObject)
  );
}

function checkEnd(payload: BusPayload): EventFault | undefined {
  return (
    needed(payload, "message_id", checkName) ??
    ifGiven(payload, "model", checkText) ??
    ifGiven(payload, "stop_reason", checkString) ??
    ifGiven(payload, "usage", checkUsage)
  );
}

function checkUpdate(payload: BusPayload): EventFault | undefined {
  const { update } = payload;
  return (
    needed(payload, "update", checkPayloadObject) ??
    ifGiven(payload, "message_id", checkName) ??
    (isToolUpdate(update) ? checkTool(update) : undefined)
  );
}

function checkTool(update: JsonObject): EventFault | undefined {
  return (
    needed(update, "tool_call_id", checkName, "update.") ??
    ifGiven(update, "name", checkText, "update.") ??
    ifGiven(update, "title", checkText, "update.")
  );
}

function checkUsage(usage: Json, field: string): EventFault | undefined {
  if (!isPayloadObject(usage)) return checkPayloadObject(usage, field);
  for (const name of USAGE_NAMES) {
    const fault = ifGiven(usage, name, checkTokenCount, "usage.");
    if (fault !== undefined) return fault;
  }
  return undefined;
}
