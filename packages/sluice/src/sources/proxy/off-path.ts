import type { Clock } from "@sluice/sdk/internal";

/** Work that may wait until the bytes at hand have been passed on. */
export interface OffPathWork {
  /** Never throws. */
  work(): void;
}

/** How long work is put off. Calls that end together are read together, which costs half of reading each at once. */
const DELAY_MS = 4;
/** How long captured calls may keep the loop before the bytes of others are looked at again. */
const TURN_MS_MAX = 2;

/**
 * Runs work a moment later, first come, first served, a short turn at a time: what a capture costs is paid after the bytes
 * that are at hand have left, and no burst of ended calls holds up those that still stream.
 */
export class OffPath {
  readonly #clock: Clock;
  readonly #afterTurn: () => void;
  #queue: OffPathWork[] = [];
  #isArmed = false;

  /** `afterTurn` is called after each turn, for what a turn has collected. */
  constructor(clock: Clock, afterTurn: () => void) {
    this.#clock = clock;
    this.#afterTurn = afterTurn;
  }

  push(work: OffPathWork): void {
    this.#queue.push(work);
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#clock.after(DELAY_MS, () => this.#turn());
  }

  /** Does everything that is waiting now, at once. */
  finish(): void {
    while (this.#queue.length > 0) this.#take(Number.POSITIVE_INFINITY);
    this.#afterTurn();
  }

  #turn(): void {
    this.#take(this.#clock.monotonicMs() + TURN_MS_MAX);
    this.#afterTurn();
    this.#isArmed = this.#queue.length > 0;
    if (this.#isArmed) setImmediate(() => this.#turn());
  }

  #take(untilMs: number): void {
    const queue = this.#queue;
    let taken = 0;
    for (const each of queue) {
      taken++;
      each.work();
      if (this.#clock.monotonicMs() >= untilMs) break;
    }
    this.#queue = taken === queue.length ? [] : queue.slice(taken);
  }
}
