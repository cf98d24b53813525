import type { Clock } from "@sluice/sdk/internal";

/** So long after it was taken a record may still be unknown where scores go. */
const APPEARS_WITHIN_MS = 60_000;
/** Forgetting one costs nothing where its record has appeared by then. */
const RUNS_MAX = 20_000;

/** The runs that were sent not long ago: what is not found there may yet appear. */
export interface RecentRuns {
  sent(id: string): void;
  mayAppear(id: string): boolean;
}

/** Whatever an earlier process sent counts as sent when this one began. */
export function createRecentRuns(clock: Clock): RecentRuns {
  const openedAtMs = clock.monotonicMs();
  const sentAtMs = new Map<string, number>();
  return {
    sent(id) {
      sentAtMs.delete(id);
      sentAtMs.set(id, clock.monotonicMs());
      const [oldest] = sentAtMs.keys();
      if (sentAtMs.size > RUNS_MAX && oldest !== undefined) sentAtMs.delete(oldest);
    },
    mayAppear: (id) => clock.monotonicMs() - (sentAtMs.get(id) ?? openedAtMs) < APPEARS_WITHIN_MS,
  };
}
