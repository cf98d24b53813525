import { numberOf } from "../../codec.ts";
import type { Json, JsonObject } from "../../event.ts";
import { checkCount, checkName, checkString, type EventFault } from "../../fields.ts";
import { checkEventType, checkForeignId, checkPayloadObject, checkText, missing } from "../foreign.ts";
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
  const connector = connector_id === undefined || connector_id === null ? "connector_uid" : "connector_id";
  return (
    checkEventType(payload, "type") ??
    checkTimestamp(payload) ??
    (scroll_id === "" ? undefined : ifGiven(scroll_id, "scroll_id", checkForeignId)) ??
    needed(payload, connector, checkName) ??
    needed(payload, "native_session_id", checkName) ??
    checkReport(payload)
  );
}

function checkReport(payload: BusPayload): EventFault | undefined {
  switch (reportOf(payload)) {
    case "session":
      return ifGiven(payload.metadata, "metadata", checkPayloadObject);
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
    ifGiven(payload.model, "model", checkText) ??
    ifGiven(payload.provider, "provider", checkText) ??
    ifGiven(payload.params, "params", checkPayloadObject)
  );
}

function checkEnd(payload: BusPayload): EventFault | undefined {
  return (
    needed(payload, "message_id", checkName) ??
    ifGiven(payload.model, "model", checkText) ??
    ifGiven(payload.stop_reason, "stop_reason", checkString) ??
    ifGiven(payload.usage, "usage", checkUsage)
  );
}

function checkUpdate(payload: BusPayload): EventFault | undefined {
  const { update, message_id } = payload;
  return (
    needed(payload, "update", checkPayloadObject) ??
    ifGiven(message_id, "message_id", checkName) ??
    (isToolUpdate(update) ? checkTool(update) : undefined)
  );
}

function checkTool(update: JsonObject): EventFault | undefined {
  return (
    needed(update, "tool_call_id", checkName, "update.") ??
    ifGiven(update.name, "update.name", checkText) ??
    ifGiven(update.title, "update.title", checkText)
  );
}

function checkUsage(usage: Json, field: string): EventFault | undefined {
  const fault = checkPayloadObject(usage, field);
  if (fault !== undefined) return fault;
  for (const name of USAGE_NAMES) {
    const count = (usage as JsonObject)[name];
    const wrong = ifGiven(count, `${field}.${name}`, (value, path) =>
      checkCount(numberOf(value) ?? value, path),
    );
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

type Check = (value: Json, field: string) => EventFault | undefined;

function ifGiven(value: Json | undefined, field: string, check: Check): EventFault | undefined {
  return value === undefined || value === null ? undefined : check(value, field);
}

function needed(payload: JsonObject, name: string, check: Check, prefix = ""): EventFault | undefined {
  const value = payload[name];
  return value === undefined || value === null ? missing(prefix + name) : check(value, prefix + name);
}
