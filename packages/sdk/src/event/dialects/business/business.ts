import type { Event, JsonObject } from "../../event.ts";
import type { EventFault } from "../../fields.ts";
import type { Dialect } from "../dialect.ts";
import { known } from "../foreign.ts";
import { toUtcTime } from "../foreign-time.ts";
import { asItCame, originIn, originOf } from "../origin.ts";
import { checkBusiness } from "./form.ts";
import { BUSINESS, type BusinessPayload, CUSTOM_PREFIX, eventTypes } from "./names.ts";
import { projectBusiness } from "./project.ts";
import { readBusiness } from "./read.ts";

/*
 * The business event: an id, a type, free metadata, a time, and whom it concerns. docs/spec/event.md has the
 * tables.
 *
 * In: `llm_response` and `llm_error` become a complete run.ended with a run of its own, `cache_hit` and
 * `cache_miss` become cache.hit and cache.miss, anything else (also `llm_request`, whose answer nothing ties
 * to it, and `error`) the custom kind `business.<event_type>`. All ids follow from the sender's.
 *
 * Out: a payload that came in goes out as it came (`origin.ts`). Other events are projected (`project.ts`):
 * the six types, and nothing else.
 */

export const business: Dialect = {
  name: BUSINESS,
  matches: (payload) =>
    Object.hasOwn(payload, "id") &&
    Object.hasOwn(payload, "event_type") &&
    Object.hasOwn(payload, "metadata") &&
    Object.hasOwn(payload, "created_at"),
  read: fromBusinessPayload,
  write: (event) => toBusinessEvents(event).map((payload): JsonObject => ({ ...payload })),
};

export function fromBusinessPayload(
  payload: JsonObject,
): { readonly event: Event } | { readonly fault: EventFault } {
  const fault = checkBusiness(payload);
  if (fault !== undefined) return { fault };
  const event = readBusiness(payload, toUtcTime(payload.created_at) ?? "");
  return { event: { ...event, origin: originOf(BUSINESS, payload, event, writeBack) } };
}

/**
 * An event as business events, in order: those that came in this form as they came; the start of an LLM or
 * embedding run as `llm_request`; its end as `llm_response`, followed by `cache_hit` or `cache_miss` if the
 * provider told, or as `llm_error`; the failed end of another run, and a failed initialisation, as `error`.
 * Empty for everything else. The same event gives equal values each time. Pure; does not throw.
 */
export function toBusinessEvents(event: Event): readonly BusinessPayload[] {
  const origin = originIn(event, BUSINESS);
  if (origin === undefined) return projectBusiness(event);
  // It had this form when it came.
  return [asItCame(event, origin, writeBack) as unknown as BusinessPayload];
}

function writeBack(event: Event): JsonObject {
  return known({
    id: event.id,
    event_type: typeOf(event),
    metadata: event.metadata,
    created_at: event.time,
    scope: event.scope,
  });
}

function typeOf(event: Event): string {
  switch (event.kind) {
    case "run.ended":
      return event.run?.status === "ok" ? eventTypes.LLM_RESPONSE : eventTypes.LLM_ERROR;
    case "cache.hit":
      return eventTypes.CACHE_HIT;
    case "cache.miss":
      return eventTypes.CACHE_MISS;
    default:
      return event.kind.slice(CUSTOM_PREFIX.length);
  }
}
