import { createRecent } from "../recent.ts";
import type { LunaryEvent, MappedRun } from "./mapping.ts";

/**
 * Run ids that are remembered: open agents and their latest steps. Forgetting one costs a link, never an
 * event.
 */
const KNOWN_MAX = 20_000;
/**
 * Children of runs that Lunary may not know, in one request. Its server waits 5 s for each such parent before
 * it stores the child without the link; more of them would outlast the time-out of the request, which would
 * come back as a retry storm.
 */
const STRANGERS_PER_REQUEST_MAX = 1;

/**
 * Orders a request so that Lunary stores every link to a parent that it can.
 *
 * Its server sorts by time, keeping the given order among equals, and works one by one. So parents come
 * before their children in the list, and a child that claims to be older than a parent in the same request
 * (two machines, two clocks) starts with that parent. A parent that this process has not delivered may have
 * been delivered by an earlier one: such links are tried, once per parent and one a request; else the child
 * keeps its parent's id in its metadata.
 */
export interface Parents {
  arrange(runs: readonly MappedRun[]): readonly MappedRun[];
  /** This run's start is stored. */
  delivered(runId: string): void;
  /** Is it, as far as this process knows? */
  isStored(runId: string): boolean;
  /** The server took nothing of the request: the links in it may be tried again. */
  refused(arranged: readonly MappedRun[]): void;
}

export function createParents(): Parents {
  const stored = createRecent<true>(KNOWN_MAX);
  const tried = createRecent<true>(KNOWN_MAX);
  return {
    arrange(runs) {
      const ordered = parentsFirst(runs);
      const starts = new Map<string, string>();
      let strangers = 0;
      return ordered.map(({ index, events }) => {
        const start = events[0];
        if (start?.event !== "start") return { index, events };
        const parent = start.parentRunId;
        const parentTime = parent === undefined ? undefined : starts.get(parent);
        let arranged = events;
        if (parentTime !== undefined) {
          arranged = notBefore(events, parentTime);
        } else if (parent !== undefined && !stored.get(parent)) {
          const mayTry = strangers < STRANGERS_PER_REQUEST_MAX && !tried.get(parent);
          if (mayTry) {
            strangers++;
            tried.set(parent, true);
          } else arranged = unlinked(events);
        }
        starts.set(start.runId, arranged[0]?.timestamp ?? start.timestamp);
        return { index, events: arranged };
      });
    },
    delivered(runId) {
      stored.set(runId, true);
    },
    isStored: (runId) => stored.get(runId) === true,
    refused(arranged) {
      for (const run of arranged) {
        const parent = parentOf(run);
        if (parent !== undefined) tried.delete(parent);
      }
    },
  };
}

/**
 * Stable: runs keep their order unless a parent stands behind its child. A circle of parents is cut where it
 * is met.
 */
function parentsFirst(runs: readonly MappedRun[]): readonly MappedRun[] {
  const byId = Map.groupBy(runs, (run) => run.events[0]?.runId ?? "");
  const placed = new Set<MappedRun>();
  for (const run of runs) {
    const chain = [run];
    const seen = new Set<string>();
    for (let parent = parentOf(run); parent !== undefined && !seen.has(parent); ) {
      seen.add(parent);
      const ancestors = (byId.get(parent) ?? []).filter((each) => !placed.has(each));
      chain.push(...ancestors.toReversed());
      parent = ancestors[0] && parentOf(ancestors[0]);
    }
    for (const each of chain.reverse()) placed.add(each);
  }
  return [...placed];
}

function parentOf(run: MappedRun): string | undefined {
  return run.events[0]?.parentRunId;
}

/** Moves a run as a whole, so that its length stays true. */
function notBefore(run: readonly LunaryEvent[], time: string): readonly LunaryEvent[] {
  const start = run[0];
  const shiftMs = start ? Date.parse(time) - Date.parse(start.timestamp) : 0;
  if (shiftMs <= 0) return run;
  return run.map((event) => ({
    ...event,
    timestamp: new Date(Date.parse(event.timestamp) + shiftMs).toISOString(),
  }));
}

function unlinked(run: readonly LunaryEvent[]): readonly LunaryEvent[] {
  return run.map((event) => {
    const { parentRunId, ...rest } = event;
    return parentRunId === undefined ? event : { ...rest, metadata: { ...rest.metadata, parentRunId } };
  });
}
