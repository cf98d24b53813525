import type { JsonObject, Scope } from "../../event.ts";

export const BUSINESS = "business";
/** Event types that have no kind of their own get one that says where they come from. */
export const CUSTOM_PREFIX = "business.";

/** The event types with a meaning of their own; any other string is an event type too. */
export const eventTypes = {
  /** A model is about to be asked. */
  LLM_REQUEST: "llm_request",
  /** It has answered. */
  LLM_RESPONSE: "llm_response",
  /** It has not, or not to the end. */
  LLM_ERROR: "llm_error",
  /** Part of the prompt was found in a cache. */
  CACHE_HIT: "cache_hit",
  /** Nothing of it was. */
  CACHE_MISS: "cache_miss",
  /** Something else went wrong. */
  ERROR: "error",
} as const;

/** Whom an event concerns: one user, or the system as a whole. This is also its wire form. */
export type EventScope = Scope;

/** The wire form of a business event. */
export interface BusinessPayload {
  /** Sent twice, it is stored once. */
  readonly id: string;
  readonly event_type: string;
  readonly metadata: JsonObject;
  /** RFC 3339 in UTC. */
  readonly created_at: string;
  readonly scope?: EventScope;
}
