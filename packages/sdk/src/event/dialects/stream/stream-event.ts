import type { JsonObject } from "../../event.ts";

/** One step of an answer as it is streamed to a reader. Any other `type` is allowed and carried along. */
export interface StreamEvent {
  readonly type: StreamEventType | (string & {});
  readonly data: JsonObject;
  /** RFC 3339, in any zone and precision; the constructors write UTC. */
  readonly timestamp: string;
}

/** The types that this dialect knows. */
export type StreamEventType = (typeof STREAM_EVENT_TYPES)[number];

/** In the order in which an answer goes through them. */
export const STREAM_EVENT_TYPES = [
  "MessageStart",
  "ContentStart",
  "Thinking",
  "TextDelta",
  "ContentEnd",
  "Usage",
  "MessageStop",
  "Error",
] as const;

/** The type of that very name; undefined for any other, which an event may have all the same. */
export function parseEventType(name: string): StreamEventType | undefined {
  return STREAM_EVENT_TYPES.find((type) => type === name);
}

/** Any event, of now. */
export function streamEvent(type: StreamEventType | (string & {}), data: JsonObject): StreamEvent {
  return { type, data, timestamp: new Date().toISOString() };
}

/** A piece of the answer's text. */
export function textDeltaEvent(text: string): StreamEvent {
  return streamEvent("TextDelta", { text });
}

/** Block `index` of the answer begins. */
export function contentStartEvent(index: number): StreamEvent {
  return streamEvent("ContentStart", { index });
}

/** Block `index` of the answer is over. */
export function contentEndEvent(index: number): StreamEvent {
  return streamEvent("ContentEnd", { index });
}

/** An answer begins. */
export function messageStartEvent(messageId: string): StreamEvent {
  return streamEvent("MessageStart", { message_id: messageId });
}

/** `stopReason` as the provider says it: `end_turn`, `stop`, `length` … */
export function messageStopEvent(messageId: string, stopReason: string): StreamEvent {
  return streamEvent("MessageStop", { message_id: messageId, stop_reason: stopReason });
}

/** The answer ends here, with this message. */
export function errorEvent(error: string): StreamEvent {
  return streamEvent("Error", { error });
}

/** Tokens of the whole answer: all of the prompt, all of the completion, and both. */
export function usageEvent(promptTokens: number, completionTokens: number, totalTokens: number): StreamEvent {
  return streamEvent("Usage", {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: totalTokens,
  });
}

/** A piece of what the model thinks before it answers. */
export function thinkingEvent(thinking: string): StreamEvent {
  return streamEvent("Thinking", { thinking });
}
