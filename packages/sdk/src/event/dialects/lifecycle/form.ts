import { numberOf } from "../../codec.ts";
import type { Json, JsonObject } from "../../event.ts";
import type { EventFault } from "../../fields.ts";
import {
  checkEventType,
  checkForeignId,
  checkPayloadObject,
  checkText,
  expected,
  ifGiven,
  missing,
  textIn,
} from "../foreign.ts";

/** Does this payload have the form that the dialect can carry over? Of what is not named nothing is asked. */
export function checkLifecycle(payload: JsonObject): EventFault | undefined {
  return (
    checkEventType(payload, "event_type") ??
    ifGiven(payload, "provider", checkText) ??
    ifGiven(payload, "model_id", checkText) ??
    ifGiven(payload, "id", checkForeignId) ??
    // Empty is how this form writes that there is none.
    (payload.trace_id === "" ? undefined : ifGiven(payload, "trace_id", checkForeignId)) ??
    ifGiven(payload, "operation", checkText) ??
    ifGiven(payload, "temperature", checkNumber) ??
    ifGiven(payload, "error", checkString) ??
    ifGiven(payload, "tool_call_id", checkText) ??
    checkToolName(payload) ??
    ifGiven(payload, "metadata", checkPayloadObject)
  );
}

function checkNumber(value: Json | undefined, field: string): EventFault | undefined {
  return numberOf(value) === undefined ? expected("a number", field, value) : undefined;
}

function checkString(value: Json | undefined, field: string): EventFault | undefined {
  return typeof value === "string" ? undefined : expected("a string", field, value);
}

/** A call that names no tool is none. */
function checkToolName(payload: JsonObject): EventFault | undefined {
  const { event_type, tool_name } = payload;
  if (event_type !== "TOOL_CALL_DETECTED") return undefined;
  if (tool_name === undefined) return missing("tool_name");
  if (textIn(tool_name) === undefined) return expected("the name of a tool", "tool_name", tool_name);
  return checkText(tool_name, "tool_name");
}
