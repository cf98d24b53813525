import type { Json, JsonObject } from "../../event.ts";
import { isPayloadObject } from "../foreign.ts";

export type BusPayload = JsonObject;

export const BUS = "bus";
/** Events that have no kind of their own get one that says where they come from. */
export const CUSTOM_PREFIX = "bus.";

/**
 * What an event of the bus reports:
 *
 *   session         a session begins
 *   message-start   the model begins a message, which is a run
 *   message-end     … and has ended it
 *   tool-start      a tool call is reported for the first time: it is a run too
 *   tool-end        … and has completed or failed
 *   tool-whole      a tool call is reported for the first time when it is over already
 *   update          anything else about a session
 *   other           a type that we do not know, or a message that the model did not write
 */
export type Report =
  | "session"
  | "message-start"
  | "message-end"
  | "tool-start"
  | "tool-end"
  | "tool-whole"
  | "update"
  | "other";

export function reportOf({ type, role, update }: BusPayload): Report {
  const isOfModel = role === undefined || role === null || role === "assistant";
  switch (type) {
    case "SessionCreated":
      return "session";
    case "MessageStarted":
      return isOfModel ? "message-start" : "other";
    case "MessageCompleted":
      return isOfModel ? "message-end" : "other";
    case "SessionUpdate":
      return isPayloadObject(update) ? reportOfUpdate(update) : "update";
    default:
      return "other";
  }
}

function reportOfUpdate({ type, status }: JsonObject): Report {
  const isOver = status === "completed" || status === "failed";
  if (type === "tool_call") return isOver ? "tool-whole" : "tool-start";
  return type === "tool_call_update" && isOver ? "tool-end" : "update";
}

/** Is this update about a tool call? */
export function isToolUpdate(update: Json | undefined): update is JsonObject {
  return isPayloadObject(update) && (update.type === "tool_call" || update.type === "tool_call_update");
}
