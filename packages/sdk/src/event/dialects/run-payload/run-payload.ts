import type { Event } from "../../event.ts";
import type { EventFault } from "../../fields.ts";
import { deriveId } from "../../ids.ts";
import type { Dialect } from "../dialect.ts";
import { toUtcTime } from "../foreign-time.ts";
import { asItCame, originIn, originOf } from "../origin.ts";
import { checkRunPayload } from "./form.ts";
import { RUN_PAYLOAD, type RunPayload } from "./names.ts";
import { readPayload } from "./read.ts";
import { endOf, feedbackOf, startOf, writeBack } from "./write.ts";

/*
 * The run payload: what Lunary ingests and llm-proxy's dispatcher sends. docs/spec/event.md has the table.
 *
 * In: `start` becomes run.started without a writer, `end` and `error` a piece of run.ended, `feedback`
 * run.scored, and anything else (also every event of type "log", which is a line and no run) the custom kind
 * `run_payload.<event>`. The id is derived from the run and the bytes, so that a client that sends again
 * sends a duplicate.
 *
 * Out: a payload that came in goes out as it came (`origin.ts`). Other events are projected: a start, an end
 * or error, both for a complete end, feedback for a score; the rest of the kinds has no place here.
 */

export const runPayload: Dialect = {
  name: RUN_PAYLOAD,
  // Feedback has no type, as Lunary's own SDK sends it.
  matches: (payload) =>
    Object.hasOwn(payload, "runId") &&
    Object.hasOwn(payload, "event") &&
    (Object.hasOwn(payload, "type") || Object.hasOwn(payload, "feedback")),
  read: (payload, { hash, now }) => fromRunPayload(payload, hash, now),
  write: toRunPayloads,
};

/** `hash` tells one payload's bytes from another's; `now` is the time of a payload that has none. */
export function fromRunPayload(
  payload: RunPayload,
  hash: string,
  now: string,
): { readonly event: Event } | { readonly fault: EventFault } {
  const fault = checkRunPayload(payload);
  if (fault !== undefined) return { fault };
  const id = deriveId(String(payload.runId), `${payload.event}:${hash}`);
  const event = readPayload(payload, id, toUtcTime(payload.timestamp) ?? now);
  const origin = originOf(RUN_PAYLOAD, payload, event, writeBack);
  return { event: { ...event, origin } };
}

/** In the order in which Lunary wants them. Empty for an event that has no place in this dialect. */
export function toRunPayloads(event: Event): readonly RunPayload[] {
  const origin = originIn(event, RUN_PAYLOAD);
  const isComplete = event.run?.startTime !== undefined && event.run.status !== undefined;
  if (origin !== undefined && !(event.kind === "run.ended" && isComplete)) {
    return [asItCame(event, origin, writeBack)];
  }
  switch (event.kind) {
    case "run.started":
      return [startOf(event)];
    case "run.ended":
      return isComplete ? [startOf(event), endOf(event)] : [endOf(event)];
    case "run.scored":
      return [feedbackOf(event)];
    default:
      return [];
  }
}
