import { joinDeltas } from "./coalesce.ts";
import { createGap, type Gap } from "./gap.ts";
import type { Ring } from "./ring.ts";

/** What a cursor asks and tells its stream. */
export interface Reading {
  /** Adjacent deltas are read as one. */
  readonly isJoining: boolean;
  /** The wall clock, for the time stamp of a gap. */
  nowMs(): number;
  /** The cursor has moved on to `seq`. */
  onRead(seq: number): void;
}

/**
 * A subscriber's place in the ring: `seq` is what it has read. If what comes next has left the ring, the
 * cursor moves to where the ring begins, over everything that is missing at once: so adjacent losses are one
 * gap, counted exactly, however often they happened; and losing costs nothing until somebody reads.
 */
export class Cursor<Item> {
  readonly #reading: Reading;
  readonly #ring: Ring<Item>;
  #seq: number;

  constructor(reading: Reading, ring: Ring<Item>, seq: number) {
    this.#reading = reading;
    this.#ring = ring;
    this.#seq = seq;
  }

  get seq(): number {
    return this.#seq;
  }

  get isAtEnd(): boolean {
    return this.#seq === this.#ring.last;
  }

  /** What comes next, a gap if that has gone. Not at the end. */
  read(): Item | Gap {
    const next = this.#seq + 1;
    let item: Item | Gap;
    if (next < this.#ring.first) item = this.#readGap(next);
    else if (this.#reading.isJoining) item = this.#readJoined(next);
    else {
      item = this.#ring.at(next);
      this.#seq = next;
    }
    this.#reading.onRead(this.#seq);
    return item;
  }

  /** All there is. Not at the end. */
  readAll(): (Item | Gap)[] {
    let items: (Item | Gap)[] = [];
    if (this.#seq + 1 < this.#ring.first) items.push(this.#readGap(this.#seq + 1));
    if (this.#reading.isJoining) {
      while (!this.isAtEnd) items.push(this.#readJoined(this.#seq + 1));
    } else {
      const rest = this.#ring.since(this.#seq + 1);
      items = items.length === 0 ? rest : items.concat(rest);
      this.#seq = this.#ring.last;
    }
    this.#reading.onRead(this.#seq);
    return items;
  }

  #readGap(next: number): Gap {
    this.#seq = this.#ring.first - 1;
    return createGap(next, this.#seq, this.#reading.nowMs());
  }

  #readJoined(next: number): Item {
    const { item, seq } = joinDeltas(this.#ring, next);
    this.#seq = seq;
    return item;
  }
}
