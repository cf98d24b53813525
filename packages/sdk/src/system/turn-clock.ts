import type { Clock } from "./clock.ts";
import { nextTurn } from "./next-turn.ts";

/**
 * A clock's monotonic time, read once per turn of the event loop: for time stamps that are taken a million
 * times a second, where reading the clock would cost more than what is stamped. Whole milliseconds, and as
 * old as the turn.
 */
export class TurnClock {
  readonly #clock: Clock;
  #nowMs = 0;
  #isFresh = false;
  readonly #expire = () => {
    this.#isFresh = false;
  };

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same for all who ask with the same clock, so that a turn costs one reading and one callback. */
  static of(clock: Clock): TurnClock {
    const known = turnClocks.get(clock);
    if (known !== undefined) return known;
    const created = new TurnClock(clock);
    turnClocks.set(clock, created);
    return created;
  }

  get monotonicMs(): number {
    if (!this.#isFresh) this.#read();
    return this.#nowMs;
  }

  #read(): void {
    // Whole: a small integer is stored without allocating.
    this.#nowMs = Math.trunc(this.#clock.monotonicMs());
    this.#isFresh = true;
    nextTurn(this.#expire);
  }
}

const turnClocks = new WeakMap<Clock, TurnClock>();
