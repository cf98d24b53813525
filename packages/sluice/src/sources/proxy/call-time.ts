import type { Clock } from "@sluice/sdk/internal";

/**
 * The times of one call: when it began by the wall clock, and from there on by the monotonic one. So its end
 * never lies before its start, and its duration is how long it took, whatever happens to the machine's clock.
 */
export class CallTime {
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly startMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startMs = clock.nowMs();
    this.#startedAtMs = clock.monotonicMs();
  }

  nowMs(): number {
    return this.startMs + Math.trunc(this.#clock.monotonicMs() - this.#startedAtMs);
  }
}
