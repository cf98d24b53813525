import { ManualClock } from "@sluice/sdk/internal";

/** So often something is tried under a fault before the fault is ended. */
const ATTEMPTS_UNDER_FAULT = 4;
/** By then what was refused under a fault must be taken without it. */
const RECOVERY_MS_MAX = 10_000;
const RETRY_MS = 1_000;

/**
 * Tries again what a failing disk has refused, in a time that is moved by hand. When that takes too long the
 * fault is ended, and from then on it must succeed within ten seconds.
 */
export class Patience {
  readonly clock = new ManualClock();
  readonly #endFaults: () => void;
  #moving: Promise<void> = Promise.resolve();
  /** What has failed so far. */
  failures = 0;
  /** How long something was refused, at the most, after the fault had ended. */
  recoveredAfterMs = 0;

  constructor(endFaults: () => void) {
    this.#endFaults = endFaults;
  }

  async insist<Result>(
    attempt: () => Promise<Result>,
    isGood: (result: Result) => boolean = () => true,
  ): Promise<Result> {
    for (let attempts = 1; ; attempts++) {
      let failure: unknown = "it was refused";
      try {
        const result = await attempt();
        if (isGood(result)) return result;
      } catch (error) {
        failure = error;
      }
      this.failures++;
      this.#bear(attempts, failure);
      await this.advance(RETRY_MS);
    }
  }

  /** Several may ask for it at the same time: one moves the clock at a time. */
  advance(durationMs: number): Promise<void> {
    this.#moving = this.#moving.then(() => this.clock.advance(durationMs));
    return this.#moving;
  }

  #bear(attempts: number, failure: unknown): void {
    if (attempts === ATTEMPTS_UNDER_FAULT) this.#endFaults();
    if (attempts <= ATTEMPTS_UNDER_FAULT) return;
    const afterMs = (attempts - ATTEMPTS_UNDER_FAULT) * RETRY_MS;
    this.recoveredAfterMs = Math.max(this.recoveredAfterMs, afterMs);
    if (afterMs < RECOVERY_MS_MAX) return;
    throw new Error(`refused ${afterMs} ms after the fault had ended: ${failure}`, { cause: failure });
  }
}
