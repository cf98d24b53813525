/** Work that may wait until the bytes at hand have been passed on. */
export interface OffPathWork {
  /** Never throws. */
  work(): void;
}

/** How long captured calls may keep the loop before the bytes of others are looked at again. */
const TURN_MS_MAX = 2;

/**
 * Runs work between rounds of input and output, first come, first served, a short turn at a time: what a capture costs is
 * paid after the bytes that are at hand have left, and no burst of ended calls holds up those that still stream.
 */
export class OffPath {
  readonly #afterTurn: () => void;
  readonly #monotonicMs: () => number;
  #queue: OffPathWork[] = [];
  #isArmed = false;

  constructor(monotonicMs: () => number, afterTurn: () => void) {
    this.#monotonicMs = monotonicMs;
    this.#afterTurn = afterTurn;
  }

  push(work: OffPathWork): void {
    this.#queue.push(work);
    this.arm();
  }

  /** Asks for a turn even if no work is waiting, for what `afterTurn` does. */
  arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => this.#turn());
  }

  /** Does everything that is waiting now, at once. */
  finish(): void {
    while (this.#queue.length > 0) this.#take(Number.POSITIVE_INFINITY);
    this.#afterTurn();
  }

  #turn(): void {
    this.#isArmed = false;
    this.#take(this.#monotonicMs() + TURN_MS_MAX);
    this.#afterTurn();
    if (this.#queue.length > 0) this.arm();
  }

  #take(untilMs: number): void {
    const queue = this.#queue;
    let taken = 0;
    for (const each of queue) {
      taken++;
      each.work();
      if (this.#monotonicMs() >= untilMs) break;
    }
    this.#queue = taken === queue.length ? [] : queue.slice(taken);
  }
}
