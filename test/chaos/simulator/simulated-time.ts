import type { Clock, Timer } from "@sluice/sdk/internal";

interface Due {
  readonly atMs: number;
  readonly order: number;
  action: (() => void) | undefined;
}

/**
 * The scheduler of a simulated world: one list of everything that will happen, in the order of its time.
 * Timers of the product, disks that finish and backends that answer all stand in it, so that nothing happens
 * but by it; between two of them all promises run as far as they get. What falls on one moment happens in the
 * order in which it was asked for.
 */
export class SimulatedTime {
  readonly #heap: Due[] = [];
  #monotonicMs = 0;
  #wallMs = Date.UTC(2026, 0, 1);
  #order = 0;

  get monotonicMs(): number {
    return this.#monotonicMs;
  }

  get wallMs(): number {
    return this.#wallMs;
  }

  /** Somebody sets the machine's clock. */
  jump(byMs: number): void {
    this.#wallMs += byMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const due: Due = { atMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, action };
    this.#push(due);
    return {
      cancel() {
        due.action = undefined;
      },
    };
  }

  /** Lets so much time pass, or less if `isOver` says so after a step. */
  async pass(durationMs: number, isOver: () => boolean = () => false): Promise<void> {
    const untilMs = this.#monotonicMs + durationMs;
    await promisesRun();
    for (let next = this.#heap[0]; next && next.atMs <= untilMs && !isOver(); next = this.#heap[0]) {
      this.#pop();
      if (!next.action) continue;
      this.#moveTo(next.atMs);
      next.action();
      await promisesRun();
    }
    if (!isOver()) this.#moveTo(untilMs);
  }

  /** A clock for one process: when that is dead, none of its timers rings. */
  clockFor(isAlive: () => boolean): Clock {
    return {
      nowMs: () => Math.floor(this.#wallMs),
      monotonicMs: () => this.#monotonicMs,
      after: (delayMs, action) => this.after(delayMs, () => isAlive() && action()),
    };
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    for (let up = (at - 1) >>> 1; at > 0 && isBefore(due, heap[up]); up = (at - 1) >>> 1) {
      heap[at] = heap[up] as Due;
      at = up;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (isBefore(heap[down + 1], heap[down])) down++;
      const child = heap[down];
      if (!child || !isBefore(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(a: Due | undefined, b: Due | undefined): boolean {
  if (!a || !b) return false;
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** The queue of promises is empty before the next turn of the event loop begins. */
function promisesRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
