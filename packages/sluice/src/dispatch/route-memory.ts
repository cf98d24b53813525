/**
 * What all routes of a pipeline together may hold of events, whatever their number. Two shares:
 *
 * - What they have read and not settled. It is divided among them once, when they are opened, so that a sink
 *   that is down takes nothing from the others.
 * - Large events while they are being sent. Of a large event a route that waits keeps the offset only, and
 *   reads it again when it is its turn: `LargeEvents`.
 */
const READ_AHEAD_BYTES_ALL = 32 * 1024 * 1024;
/** Two of the largest batches (8 MB, Lunary). More would only move the queue from disk to memory. */
const READ_AHEAD_BYTES_MAX = 16 * 1024 * 1024;
const LARGE_BYTES_ALL = 24 * 1024 * 1024;
/** Few events are larger. Reading one again costs less than a millisecond. */
const LARGE_EVENT_BYTES = 1024 * 1024;
/** With more routes than a hundred, events are large sooner. */
const LARGE_SHARE = 4;

/** A route's part. */
export interface RouteMemory {
  readonly readAheadBytes: number;
  /** From this size on an event is large. */
  readonly largeBytes: number;
  readonly large: LargeTurns;
}

/** An equal part for each of so many routes. */
export function shareMemory(routes: number): RouteMemory {
  const share = Math.floor(READ_AHEAD_BYTES_ALL / Math.max(1, routes));
  const readAheadBytes = Math.min(READ_AHEAD_BYTES_MAX, share);
  const largeBytes = Math.min(LARGE_EVENT_BYTES, Math.floor(readAheadBytes / LARGE_SHARE));
  return { readAheadBytes, largeBytes, large: new LargeTurns() };
}

/**
 * Who may have large events in memory: first come, first served, as long as there is room; one that is larger
 * than all the room has it alone.
 */
export class LargeTurns {
  readonly #bytesMax: number;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];
  #bytes = 0;

  constructor(bytesMax = LARGE_BYTES_ALL) {
    this.#bytesMax = bytesMax;
  }

  /** Resolves to what gives the room back. The caller must come to its end, whatever its sink does. */
  take(bytes: number): Promise<() => void> {
    return new Promise((resolve) => {
      const enter = () => {
        this.#bytes += bytes;
        resolve(() => {
          this.#bytes -= bytes;
          this.#next();
        });
      };
      this.#waiting.push({ bytes, enter });
      this.#next();
    });
  }

  #next(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (this.#bytes > 0 && this.#bytes + first.bytes > this.#bytesMax) return;
      this.#waiting.shift();
      first.enter();
    }
  }
}
