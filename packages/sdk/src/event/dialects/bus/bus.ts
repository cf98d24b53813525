import type { Event, Json, JsonObject, Origin } from "../../event.ts";
import type { EventFault } from "../../fields.ts";
import type { Arrival, Dialect } from "../dialect.ts";
import { isPayloadObject } from "../foreign.ts";
import { toUtcTime } from "../foreign-time.ts";
import { asItCame, originIn, originOf } from "../origin.ts";
import { checkBusEvent } from "./form.ts";
import { BUS, type BusPayload } from "./names.ts";
import { readBusEvent } from "./read.ts";
import { writeBusEvent } from "./write.ts";

/*
 * The bus: what an application that holds sessions with agents tells of them. docs/spec/event.md has the
 * table, docs/decisions/0017-the-form-of-the-bus.md the reasons.
 *
 * In: a message is a run, and so is a tool call; their starts and ends come apart and are joined by the
 * assembler. An event that is not bound to a trace yet has no traceId and is taken like any other. Ids derive
 * from the session and the bytes, so that an event that is sent again is a duplicate.
 *
 * Out: what came in this form goes out as it came. Of other events those of a session are projected: its
 * beginning, its updates, its model calls and tools.
 */

export const bus: Dialect = {
  name: BUS,
  matches: (payload) =>
    Object.hasOwn(payload, "type") &&
    Object.hasOwn(payload, "native_session_id") &&
    (Object.hasOwn(payload, "connector_id") || Object.hasOwn(payload, "connector_uid")),
  read: fromBusEvent,
  write: toBusEvents,
};

function fromBusEvent(
  payload: BusPayload,
  { hash, now }: Arrival,
): { readonly event: Event } | { readonly fault: EventFault } {
  const fault = checkBusEvent(payload);
  if (fault !== undefined) return { fault };
  const event = readBusEvent(payload, hash, toUtcTime(payload.timestamp) ?? now);
  const origin = originOf(BUS, payload, event, writeBack);
  return { event: { ...event, origin: withoutCarried(origin, event) } };
}

function toBusEvents(event: Event): readonly BusPayload[] {
  const origin = originIn(event, BUS);
  const { session } = event;
  if (origin !== undefined) return [asItCame(event, withCarried(origin, event), writeBack)];
  const isOfSession = session?.connector !== undefined && (session.nativeId ?? session.id) !== undefined;
  const payload = isOfSession && !event.kind.startsWith(`${BUS}.`) ? writeBusEvent(event, []) : undefined;
  return payload === undefined ? [] : [payload];
}

function writeBack(event: Event, keys: readonly string[]): BusPayload {
  return writeBusEvent(event, keys) ?? {};
}

/*
 * An `update` that became a run is an object of another shape, and so kept in `origin.rest`. What a tool was
 * given and what it gave back can be long: there null stands in their place, and the run has them.
 */

function withoutCarried(origin: Origin, event: Event): Origin {
  return replaced(origin, (name, value) => (value === carried(event, name) ? null : value));
}

function withCarried(origin: Origin, event: Event): Origin {
  return replaced(origin, (name, value) => (value === null ? (carried(event, name) ?? null) : value));
}

function carried({ run }: Event, name: string): Json | undefined {
  if (run?.type !== "tool") return undefined;
  if (name === "arguments") return run.request?.input;
  return name === "result" ? run.response?.output : undefined;
}

function replaced(
  origin: Origin,
  replace: (name: string, value: Json | undefined) => Json | undefined,
): Origin {
  const update = origin.rest?.update;
  if (!isPayloadObject(update)) return origin;
  const members = Object.entries(update).map(([name, value]) => [name, replace(name, value)]);
  const rest: JsonObject = { ...origin.rest, update: Object.fromEntries(members) };
  return { ...origin, rest };
}
