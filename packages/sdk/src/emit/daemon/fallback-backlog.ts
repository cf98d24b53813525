import type { Backlog, Lines } from "./backlog.ts";

/**
 * A backlog, and another for when it takes nothing. The order stays: while something waits in the second,
 * new lines go there too, and the first is sent before it.
 */
export class FallbackBacklog implements Backlog {
  readonly #first: Backlog;
  readonly #second: Backlog;

  constructor(first: Backlog, second: Backlog) {
    this.#first = first;
    this.#second = second;
  }

  get sizeBytes(): number {
    return this.#first.sizeBytes + this.#second.sizeBytes;
  }

  add(line: Uint8Array): boolean {
    if (this.#second.sizeBytes > 0) return this.#second.add(line);
    return this.#first.add(line) || this.#second.add(line);
  }

  next(): Promise<Lines | undefined> {
    return this.#giver.next();
  }

  settle(): void {
    this.#giver.settle();
  }

  leave(): number {
    return this.#first.leave() + this.#second.leave();
  }

  /** The same from `next` to `settle`: until then what was given waits, and keeps its backlog the giver. */
  get #giver(): Backlog {
    return this.#first.sizeBytes > 0 ? this.#first : this.#second;
  }
}
