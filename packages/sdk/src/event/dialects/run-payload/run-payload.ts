import type { Event, Origin } from "../../event.ts";
import type { EventFault } from "../../fields.ts";
import { deriveId } from "../../ids.ts";
import { toUtcTime } from "../foreign-time.ts";
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
 * Out: a payload that came in goes out as it came, field for field and in the order it had. To that end the
 * conversion writes the canonical event back at once and compares: what does not come out as the very same
 * value is kept in `origin.rest`, and other keys than the expected ones, or another order, in `origin.keys`.
 * No list of special cases can then be forgotten. Other events are projected: a start, an end or error, both
 * for a complete end, feedback for a score; the rest of the kinds has no place in this dialect.
 */

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
  const origin = originOf(payload, event);
  return { event: { ...event, origin } };
}

/** In the order in which Lunary wants them. Empty for an event that has no place in this dialect. */
export function toRunPayloads(event: Event): readonly RunPayload[] {
  const origin = event.origin;
  const isComplete = event.run?.startTime !== undefined && event.run.status !== undefined;
  if (origin?.dialect === RUN_PAYLOAD && !(event.kind === "run.ended" && isComplete)) {
    return [asItCame(event, origin)];
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

/** What the event, written back, does not reproduce. */
function originOf(payload: RunPayload, event: Event): Origin {
  const keys = Object.keys(payload);
  const written = writeBack(event, keys);
  const expected = Object.keys(writeBack(event, []));
  const isExpected = keys.length === expected.length && keys.every((key, at) => key === expected[at]);
  const rest = Object.entries(payload).filter(
    ([key, value]) => !Object.hasOwn(written, key) || !Object.is(written[key], value),
  );
  return {
    dialect: RUN_PAYLOAD,
    ...(!isExpected && { keys }),
    ...(rest.length > 0 && { rest: Object.fromEntries(rest) }),
  };
}

function asItCame(event: Event, origin: Origin): RunPayload {
  const written = writeBack(event, origin.keys ?? []);
  const rest = origin.rest ?? {};
  const keys = origin.keys ?? Object.keys(written);
  return Object.fromEntries(keys.map((key) => [key, Object.hasOwn(rest, key) ? rest[key] : written[key]]));
}
