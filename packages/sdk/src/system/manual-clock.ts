import type { Clock, Timer } from "./clock.ts";

interface Pending {
  readonly dueMs: number;
  readonly action: () => void;
}

/** A clock that a test moves by hand. Timers fire inside `advance`, in the order in which they are due. */
export class ManualClock implements Clock {
  readonly #pending = new Set<Pending>();
  #wallMs: number;
  #monotonicMs = 0;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const pending = { dueMs: this.#monotonicMs + Math.max(0, delayMs), action };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /**
   * Moves both clocks forward. Between two timers the microtask queue runs, so code that awaits can arm the
   * next one.
   */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#monotonicMs + durationMs;
    for (;;) {
      await settle();
      const next = this.#nextDue(untilMs);
      if (!next) break;
      this.#pending.delete(next);
      this.#moveTo(next.dueMs);
      next.action();
    }
    this.#moveTo(untilMs);
    await settle();
  }

  /** The wall clock alone jumps, as when somebody sets the machine's time. */
  jump(byMs: number): void {
    this.#wallMs += byMs;
  }

  get timers(): number {
    return this.#pending.size;
  }

  #nextDue(untilMs: number): Pending | undefined {
    let next: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.dueMs <= untilMs && (!next || pending.dueMs < next.dueMs)) next = pending;
    }
    return next;
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** Lets pending I/O callbacks and promise chains run: a few turns of the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
