import type { Timer } from "./clock.ts";

/**
 * The clock's timers let a process end; this holds it until cancelled, for one that waits for nothing else.
 */
export function keepAlive(): Timer {
  const timer = setInterval(() => {}, 60_000);
  return { cancel: () => clearInterval(timer) };
}
