import type { Clock } from "@sluice/sdk/internal";

/** So many requests in a window. */
export interface Rate {
  readonly requests: number;
  readonly windowMs: number;
}

/** Tells of each request whether it is one too many. The window is fixed, and opens with its first request. */
export function createRate(clock: Clock, rate: Rate | undefined): () => boolean {
  let openedAtMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return () => {
    if (!rate) return false;
    const nowMs = clock.monotonicMs();
    if (nowMs - openedAtMs >= rate.windowMs) {
      openedAtMs = nowMs;
      count = 0;
    }
    count++;
    return count > rate.requests;
  };
}
