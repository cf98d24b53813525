import type { Random } from "@sluice/sdk/internal";
import type { Figures } from "../figures.ts";

/**
 * Before retry `retry` (0 is the first) of a series. Full jitter: clients that failed together do not return
 * together.
 */
export function seriesBackoffMs(retry: number, figures: Figures, random: Random): number {
  return random.fraction() * Math.min(figures.seriesBackoffMsMax, figures.seriesBackoffMs * 2 ** retry);
}

/**
 * How long to wait after the `attempt`-th failed series (1 is the first): doubled each time up to a cap, for
 * ever. The backend's own word wins where it is longer, up to an hour; what is no sensible number is not
 * heard. So the wait is never shorter than the backoff: a "Retry-After: 0" does not make a route spin.
 */
export function waitMs(attempt: number, figures: Figures, retryAfterMs?: number): number {
  const backoffMs = Math.min(figures.waitMsMax, figures.waitMs * 2 ** Math.min(attempt - 1, DOUBLINGS_MAX));
  if (retryAfterMs === undefined || Number.isNaN(retryAfterMs)) return backoffMs;
  return Math.max(backoffMs, Math.min(retryAfterMs, figures.retryAfterMsMax));
}

/** Enough to reach any cap; more would overflow to infinity. */
const DOUBLINGS_MAX = 32;
