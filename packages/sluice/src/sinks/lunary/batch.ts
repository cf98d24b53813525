import type { Event } from "@sluice/sdk";
import type { Outgoing } from "../define.ts";
import type { ItemDelivery } from "../delivery.ts";
import { type LunaryEvent, type MappedRun, mapped, startOf } from "./mapping.ts";
import type { OpenStarts } from "./open-starts.ts";
import type { Parents } from "./parents.ts";
import { bareThread, threadIdOf } from "./thread.ts";

/** What a batch says to Lunary. */
export interface MappedBatch {
  /** Each begins with a start. One without an event of the batch has `NO_INDEX`. */
  readonly runs: readonly MappedRun[];
  /** Of runs that have no start among them. */
  readonly feedback: readonly MappedRun[];
}

/** Sent along for others, and nobody asks what came of it. */
export const NO_INDEX = -1;

interface Known {
  readonly withThreads: boolean;
  readonly parents: Parents;
  readonly openStarts: OpenStarts;
}

/** Maps what has a form at Lunary, and writes down the outcome of what has none. */
export function mapBatch(
  batch: readonly Outgoing[],
  outcomes: ItemDelivery[],
  { withThreads, parents, openStarts }: Known,
): MappedBatch {
  const runs: MappedRun[] = [];
  const feedback: MappedRun[] = [];
  const threads = new Set<string>();

  function add(index: number, event: Event, events: readonly LunaryEvent[]): void {
    const [start, ...rest] = events;
    const isRun = event.kind !== "session.created" && start?.parentRunId === undefined;
    const threadId = withThreads && isRun ? threadIdOf(event.session) : undefined;
    if (!start || threadId === undefined) {
      runs.push({ index, events });
      return;
    }
    if (!threads.has(threadId) && !parents.isStored(threadId)) {
      threads.add(threadId);
      runs.push({ index: NO_INDEX, events: [bareThread(threadId, start.timestamp)] });
    }
    runs.push({ index, events: [{ ...start, parentRunId: threadId }, ...rest] });
  }

  for (const [index, outgoing] of batch.entries()) {
    const result = mappedOrRefused(outgoing, withThreads);
    if ("status" in result) {
      outcomes[index] = result;
      continue;
    }
    const { event } = outgoing;
    const runId = event.runId ?? "";
    if ("skipped" in result) {
      outcomes[index] = { status: "skipped", reason: result.skipped };
      if (event.kind === "run.started") openStarts.opened(runId, outgoing);
    } else if (event.kind === "run.scored") {
      const open = parents.isStored(result.events[0]?.runId ?? "") ? undefined : openStarts.of(runId);
      const start = open?.event.run && startOf(open.event, open.event.run, runId);
      if (open && start) add(index, open.event, [start, ...notBefore(result.events, start.timestamp)]);
      else feedback.push({ index, events: result.events });
    } else {
      if (event.kind === "run.ended") openStarts.ended(runId);
      add(index, event, result.events);
    }
  }
  return { runs, feedback };
}

/** What the server would sort before the start of its run, it would lose. */
export function notBefore(events: readonly LunaryEvent[], time: string): readonly LunaryEvent[] {
  return events.map((event) => (event.timestamp < time ? { ...event, timestamp: time } : event));
}

function mappedOrRefused(outgoing: Outgoing, withThreads: boolean) {
  try {
    return mapped(outgoing.event, withThreads);
  } catch {
    // One event that is not what its kind says must not cost its neighbours.
    return { status: "rejected", reason: "the event cannot be read" } as const;
  }
}
