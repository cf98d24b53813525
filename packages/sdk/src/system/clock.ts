/**
 * Time comes from here and is passed in, so that tests move it by hand.
 * Durations use `monotonicMs`, which no clock change touches; `nowMs` is for time stamps only.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump in either direction. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start. Never goes back. */
  monotonicMs(): number;
  /** Calls `action` once after `delayMs`, unless cancelled. Does not keep the process alive. */
  after(delayMs: number, action: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/**
 * A longer delay overflows Node's 32-bit timer and would fire after 1 ms; the wait is cut into steps of this.
 */
const TIMER_STEP_MS_MAX = 60_000;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const dueMs = performance.now() + delayMs;
    const arm = (): NodeJS.Timeout => {
      const leftMs = dueMs - performance.now();
      if (leftMs <= TIMER_STEP_MS_MAX) return setTimeout(action, Math.max(0, leftMs)).unref();
      return setTimeout(() => {
        timeout = arm();
      }, TIMER_STEP_MS_MAX).unref();
    };
    let timeout = arm();
    return { cancel: () => clearTimeout(timeout) };
  },
};

/**
 * Resolves after `delayMs`, or at once when `signal` aborts. Never rejects: the caller looks at the signal.
 */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      timer.cancel();
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = clock.after(delayMs, wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}
