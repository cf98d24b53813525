import type { Event } from "../../event.ts";
import type { EventFault } from "../../fields.ts";
import type { IncomingEvent } from "../../validate.ts";
import type { Arrival, Dialect } from "../dialect.ts";
import { asItCame, originIn, originOf } from "../origin.ts";
import { checkLifecycle } from "./form.ts";
import { LIFECYCLE, type LifecyclePayload } from "./names.ts";
import { readLifecycle } from "./read.ts";
import { project, writeBack } from "./write.ts";

/*
 * The lifecycle of a model client, as the six methods of an emitter tell it: what the bracketed log prints.
 * docs/spec/event.md has the table.
 *
 * In: the three initialisations become init.started, init.succeeded and init.failed; a generation becomes a
 * complete run.ended with a run of its own; a tool call becomes tool.called; any other event type the custom
 * kind `lifecycle.<event_type>`. A payload knows neither its id nor its time, and two that are alike to the
 * byte can be two facts: so each that has no `id` gets a new one, and the time is that of its arrival.
 *
 * Out: a payload that came in goes out as it came (`origin.ts`). Other events are projected: the same three
 * kinds of initialisation, the end of an LLM or embedding run, a tool call; no other kind has a place here.
 */

export const lifecycle: Dialect = {
  name: LIFECYCLE,
  matches: (payload) =>
    Object.hasOwn(payload, "event_type") &&
    Object.hasOwn(payload, "provider") &&
    Object.hasOwn(payload, "model_id"),
  read: fromLifecyclePayload,
  write: (event) => {
    const payload = toLifecyclePayload(event);
    return payload === undefined ? [] : [payload];
  },
};

export function fromLifecyclePayload(
  payload: LifecyclePayload,
  { now, mintId }: Pick<Arrival, "now" | "mintId">,
): { readonly event: Event } | { readonly fault: EventFault } {
  const fault = checkLifecycle(payload);
  if (fault !== undefined) return { fault };
  const id = typeof payload.id === "string" ? payload.id : mintId();
  const event = readLifecycle(payload, id, now);
  return { event: { ...event, origin: originOf(LIFECYCLE, payload, event, writeBack) } };
}

/** Undefined for an event that has no place in this dialect. */
export function toLifecyclePayload(event: IncomingEvent): LifecyclePayload | undefined {
  const origin = originIn(event, LIFECYCLE);
  return origin === undefined ? project(event) : asItCame(event, origin, writeBack);
}
