import { toLifecyclePayload } from "../event/dialects/lifecycle/lifecycle.ts";
import { isLifecycleEventType, type LifecycleEventType } from "../event/dialects/lifecycle/names.ts";
import type { Event } from "../event/event.ts";
import type { LogFormat } from "./torn-tail.ts";

/**
 * The log of the custom event emitter, byte for byte:
 *
 *     [2025-01-27 14:30:25] [EVENT: INIT_START]
 *     {
 *       "event_type": "LLM_INITIALIZATION_START",
 *       …two spaces a level, keys in the order below…
 *     }
 *     (an empty line)
 *
 * Times are UTC. It prints the six events of the lifecycle dialect as that dialect writes them, each under a
 * tag of its own. Nothing else has a form here.
 */
export const bracketedFormat: LogFormat = {
  terminator: "\n\n",
  starts: "[0000-00-00 00:00:00] [EVENT: ",
  // A brace in the first column closes an entry; JSON text has no line break, so it is found nowhere else.
  isWhole: (text) => /\n\}\n?$/.test(text),
};

const TAGS: { readonly [eventType in LifecycleEventType]: string } = {
  LLM_INITIALIZATION_START: "INIT_START",
  LLM_INITIALIZATION_SUCCESS: "INIT_SUCCESS",
  LLM_INITIALIZATION_ERROR: "INIT_ERROR",
  LLM_GENERATION_SUCCESS: "GENERATION_SUCCESS",
  LLM_GENERATION_ERROR: "GENERATION_ERROR",
  TOOL_CALL_DETECTED: "TOOL_CALL_DETECTED",
};

/** The entry for an event without its terminator, or undefined for an event that has no form here. */
export function bracketedEntry(event: Event): string | undefined {
  const payload = toLifecyclePayload(event);
  const type = String(payload?.event_type);
  if (!isLifecycleEventType(type)) return undefined;
  return `[${stamp(event.time)}] [EVENT: ${TAGS[type]}]\n${JSON.stringify(payload, null, 2)}`;
}

/** `2006-01-02 15:04:05` in UTC. A time that is none is printed as it came. */
function stamp(time: string): string {
  const parsed = Date.parse(time);
  if (Number.isNaN(parsed)) return time;
  return new Date(parsed).toISOString().slice(0, 19).replace("T", " ");
}
