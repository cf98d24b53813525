import type { Cursor } from "./cursor.ts";
import type { Policy } from "./policy.ts";
import type { Ring } from "./ring.ts";

/**
 * Decides which events may leave the ring for a new one. An event is *owed* to each subscriber whose cursor
 * has not passed it; before the first subscriber to all, to that one; after the last has left, to nobody.
 * The lowest cursor is the *floor*: what is not above it is owed to nobody, and may go.
 */
export class Room<Item> {
  readonly ring: Ring<Item>;
  readonly capacity: number;
  policy: Policy;
  readonly #cursors: Cursor<Item>[] = [];
  /** The floor when it was last looked for: never above the true one. */
  #floor = 0;
  #isFirstDue = true;
  #dropped = 0;

  constructor(ring: Ring<Item>, capacity: number, policy: Policy) {
    this.ring = ring;
    this.capacity = capacity;
    this.policy = policy;
  }

  /** How often an event left that was owed: once for each whom it was owed to. */
  get dropped(): number {
    return this.#dropped;
  }

  /** No subscriber has come yet. */
  get isFirstDue(): boolean {
    return this.#isFirstDue;
  }

  /** What is owed to the slowest, and still there. */
  get unread(): number {
    this.#findFloor();
    return this.ring.last - Math.max(this.#floor, this.ring.first - 1);
  }

  add(cursor: Cursor<Item>): void {
    this.#isFirstDue = false;
    this.#cursors.push(cursor);
    this.#findFloor();
  }

  remove(cursor: Cursor<Item>): void {
    this.#cursors.splice(this.#cursors.indexOf(cursor), 1);
  }

  /** Lets the oldest go until an event of that size fits; false if the policy does not let them. */
  make(sizeBytes: number): boolean {
    const { ring, capacity } = this;
    for (;;) {
      const hasSize = ring.fits(sizeBytes);
      if (ring.length === 0 || (hasSize && ring.length < capacity)) return true;
      if (ring.first > this.#floor && ring.first > this.#findFloor()) {
        if (this.policy === "block" || this.policy === "drop-newest") return false;
        if (this.policy === "coalesce" && hasSize) return true;
        this.#dropped += this.#owed(ring.first);
      }
      ring.evict();
    }
  }

  #findFloor(): number {
    this.#floor = this.#isFirstDue ? 0 : this.ring.last;
    for (const { seq } of this.#cursors) if (seq < this.#floor) this.#floor = seq;
    return this.#floor;
  }

  /** How many it is owed to. */
  #owed(seq: number): number {
    if (this.#isFirstDue) return 1;
    let owed = 0;
    for (const cursor of this.#cursors) if (cursor.seq < seq) owed++;
    return owed;
  }
}
