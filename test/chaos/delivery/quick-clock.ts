import { type Clock, systemClock } from "@sluice/sdk/internal";

/** The machine's clock, so many times as fast: what takes a minute takes seconds, in the same order. */
export function quickClock(times: number): Clock {
  const startMs = systemClock.nowMs();
  const monotonicMs = () => systemClock.monotonicMs() * times;
  const startMonotonicMs = monotonicMs();
  return {
    nowMs: () => Math.floor(startMs + monotonicMs() - startMonotonicMs),
    monotonicMs,
    after: (delayMs, action) => systemClock.after(delayMs / times, action),
  };
}
