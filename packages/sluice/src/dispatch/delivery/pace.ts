import { type Clock, sleep } from "@sluice/sdk/internal";

/**
 * Requests per second to one backend, shared by all who send to it. The bucket holds one token: requests are
 * evenly apart, so no window of one second holds more than the limit and one, wherever the backend's window
 * starts.
 */
export interface Pace {
  /** Resolves when one request may go, or at once when the signal aborts. Undefined: it may go now. */
  next(signal: AbortSignal): Promise<void> | undefined;
}

/** Both of them. */
export function slower(one: Pace, other: Pace): Pace {
  return {
    next(signal) {
      const waits = [one.next(signal), other.next(signal)].filter((wait) => wait !== undefined);
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    },
  };
}

export function createPace(requestsPerSecond: number | undefined, clock: Clock): Pace {
  if (requestsPerSecond === undefined) return { next: () => undefined };
  const apartMs = 1_000 / requestsPerSecond;
  let nextAtMs = Number.NEGATIVE_INFINITY;
  return {
    next(signal) {
      const nowMs = clock.monotonicMs();
      const atMs = Math.max(nowMs, nextAtMs);
      nextAtMs = atMs + apartMs;
      return atMs > nowMs ? sleep(clock, atMs - nowMs, signal) : undefined;
    },
  };
}
