import type { Clock } from "@sluice/sdk/internal";
import { createRecent } from "./recent.ts";

/** So long after it was sent, or first asked for, a run may still be unknown where scores go. */
const APPEARS_WITHIN_MS = 60_000;
/** Forgetting one costs a score that comes at the wrong moment a second minute, or its first. */
const RUNS_MAX = 20_000;

/** Runs that a backend may yet come to know: they were sent, or scored, not long ago. */
export interface RecentRuns {
  sent(id: string): void;
  /** The backend does not know it. May that change? */
  mayAppear(id: string): boolean;
}

export function createRecentRuns(clock: Clock): RecentRuns {
  const sinceMs = createRecent<number>(RUNS_MAX);
  const note = (id: string) => sinceMs.set(id, clock.monotonicMs());
  return {
    sent: note,
    mayAppear(id) {
      const since = sinceMs.get(id);
      if (since === undefined) note(id);
      return since === undefined || clock.monotonicMs() - since < APPEARS_WITHIN_MS;
    },
  };
}
