import type { Ids } from "./ids.ts";
import { endId, type IncomingEvent, isComplete } from "./validate.ts";

/** The id of an event that lacks one: that of its run's end, or a new one. */
export function missingId(event: IncomingEvent, ids: Ids): string {
  const { runId, run } = event;
  return runId !== undefined && isComplete(event) ? endId(runId, run?.revision) : ids.uuidv7();
}

/** The time of an event that lacks one, where it is not `now`: a start has it in its run. */
export function missingTime({ kind, run }: IncomingEvent): string | undefined {
  return kind === "run.started" ? run?.startTime : undefined;
}
