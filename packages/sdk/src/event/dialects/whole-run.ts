import type { Event, Run } from "../event.ts";
import { deriveId } from "../ids.ts";
import { endId } from "../validate.ts";

/**
 * The complete end of a run that one foreign event tells of, from beginning to end. Nothing ties such an
 * event to a run that anybody else knows of; so the run is its own, and its id follows from the event's `id`.
 */
export function wholeRun(id: string, envelope: Pick<Event, "time">, run: Run): Event {
  const runId = deriveId(id, "run");
  return { id: endId(runId), kind: "run.ended", ...envelope, runId, run };
}
