import type { Event, JsonObject } from "../../event.ts";
import type { EventFault } from "../../fields.ts";
import { deriveId } from "../../ids.ts";
import type { Arrival, Dialect } from "../dialect.ts";
import { toUtcTime } from "../foreign-time.ts";
import { asItCame, originIn, originOf } from "../origin.ts";
import { checkIdentity, validateStreamEvent } from "./form.ts";
import { projectToStream } from "./project.ts";

/*
 * The stream form, `{type, data, timestamp}`: the steps of an answer as a reader sees them.
 * docs/spec/event.md has the table.
 *
 * In: every event becomes a custom one, `stream.<type>`. They are kept and delivered like others and make no
 * run: what a run was, its `run.ended` says. The form has no id, and two equal pieces of text in the same
 * millisecond are two pieces; so an id is minted, unless the sender told them apart by `id` or by `stream_id`
 * and `seq`.
 *
 * Out: what came in this form goes out as it came. The complete end of a model call is projected to the steps
 * of its answer, a `run.delta` to a piece of it.
 */

const STREAM = "stream";
const PREFIX = "stream.";

export const stream: Dialect = {
  name: STREAM,
  matches: (payload) =>
    Object.hasOwn(payload, "type") && Object.hasOwn(payload, "data") && Object.hasOwn(payload, "timestamp"),
  read: fromStreamEvent,
  write: toStreamEvents,
};

function fromStreamEvent(
  payload: JsonObject,
  arrival: Arrival,
): { readonly event: Event } | { readonly fault: EventFault } {
  const fault = validateStreamEvent(payload) ?? checkIdentity(payload);
  if (fault !== undefined) return { fault };
  const event: Event = {
    id: givenId(payload) ?? arrival.mintId(),
    kind: PREFIX + payload.type,
    time: toUtcTime(payload.timestamp) ?? arrival.now,
    data: payload.data ?? {},
  };
  return { event: { ...event, origin: originOf(STREAM, payload, event, writeBack) } };
}

function givenId({ id, stream_id, seq }: JsonObject): string | undefined {
  if (typeof id === "string") return id;
  return typeof stream_id === "string" && typeof seq === "number"
    ? deriveId(stream_id, `seq:${seq}`)
    : undefined;
}

function toStreamEvents(event: Event): readonly JsonObject[] {
  const origin = originIn(event, STREAM);
  return origin === undefined ? projectToStream(event) : [asItCame(event, origin, writeBack)];
}

function writeBack({ kind, data, time }: Event): JsonObject {
  return { type: kind.slice(PREFIX.length), data, timestamp: time };
}
