import type { Clock, Timer } from "@sluice/sdk/internal";

const TICK_MS = 250;
/** A disk that is at one thing for this long has hung, for whoever waits for it: about a second. */
const HUNG_TICKS = 4;
/** What a caller waits at the most, whatever the disk is at: 1.5 s, so that his answer goes out within 2. */
const CALLER_TICKS = 6;

/**
 * Tells how long the disk takes, by counting ticks of 250 ms while there is something to wait for. Counted,
 * not measured: while the event loop itself stands still (a stopped process, a busy machine) no tick passes,
 * and the disk is not blamed for it. A tick costs nothing where a look at the clock for every append would.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #onTick: () => boolean;
  #timer: Timer | undefined;
  #stepAt = 0;
  /** Counts up while somebody waits. */
  tick = 0;

  /** `onTick` says whether there is still something to wait for. */
  constructor(clock: Clock, onTick: () => boolean) {
    this.#clock = clock;
    this.#onTick = onTick;
  }

  /** The disk is asked for one thing, from now on. */
  step(): void {
    this.#stepAt = this.tick;
    this.#timer ??= this.#clock.after(TICK_MS, () => this.#pass());
  }

  /** What the disk was asked for last has taken too long. */
  get isHung(): boolean {
    return this.tick - this.#stepAt >= HUNG_TICKS;
  }

  /** Whoever came at this tick or before has waited long enough. */
  get lateTick(): number {
    return this.tick - CALLER_TICKS;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #pass(): void {
    this.#timer = undefined;
    this.tick++;
    if (this.#onTick()) this.#timer = this.#clock.after(TICK_MS, () => this.#pass());
  }
}
