import type { JsonObject } from "../../event.ts";

export type LifecyclePayload = JsonObject;

export const LIFECYCLE = "lifecycle";
/** Event types that have no kind of their own get one that says where they come from. */
export const CUSTOM_PREFIX = "lifecycle.";

/** The six events, and what stands in each behind its `event_type`, in the order in which it is written. */
export const LIFECYCLE_FIELDS = {
  LLM_INITIALIZATION_START: ["provider", "model_id", "temperature", "trace_id", "metadata"],
  LLM_INITIALIZATION_SUCCESS: ["provider", "model_id", "capabilities", "trace_id", "metadata"],
  LLM_INITIALIZATION_ERROR: ["provider", "model_id", "operation", "error", "trace_id", "metadata"],
  LLM_GENERATION_SUCCESS: [
    ...["provider", "model_id", "operation", "messages_count", "temperature", "message_content"],
    ...["response_length", "choices_count", "trace_id", "metadata"],
  ],
  LLM_GENERATION_ERROR: [
    ...["provider", "model_id", "operation", "messages_count", "temperature", "message_content"],
    ...["error", "trace_id", "metadata"],
  ],
  TOOL_CALL_DETECTED: [
    ...["provider", "model_id", "tool_call_id", "tool_name", "arguments", "trace_id", "metadata"],
  ],
} as const satisfies { readonly [eventType: string]: readonly string[] };

export type LifecycleEventType = keyof typeof LIFECYCLE_FIELDS;

export function isLifecycleEventType(name: string): name is LifecycleEventType {
  return Object.hasOwn(LIFECYCLE_FIELDS, name);
}
