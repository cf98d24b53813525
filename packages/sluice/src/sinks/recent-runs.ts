import type { Clock } from "@sluice/sdk/internal";

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
  const sinceMs = new Map<string, number>();
  const note = (id: string) => {
    sinceMs.delete(id);
    sinceMs.set(id, clock.monotonicMs());
    const [oldest] = sinceMs.keys();
    if (sinceMs.size > RUNS_MAX && oldest !== undefined) sinceMs.delete(oldest);
  };
  return {
    sent: note,
    mayAppear(id) {
      if (!sinceMs.has(id)) note(id);
      return clock.monotonicMs() - (sinceMs.get(id) ?? 0) < APPEARS_WITHIN_MS;
    },
  };
}
