import { sizeOf } from "./item-size.ts";

/**
 * The newest events of a stream, in order, each with a seq: 1, 2, 3 … What is in the ring is `first` to
 * `last`; nothing is when `first` is `last + 1`. Slots are a power of two, found by masking the seq, and are
 * made when they are needed: a stream that nobody uses has none.
 *
 * The ring knows whether one more fits into `maxBytes`. As long as there are so few events that they would
 * fit even if each were as large as the largest there ever was, that is all it needs to know, and it is for
 * most streams. From the first time that it is not, the size of each event is kept, and their sum.
 */
export class Ring<Item> {
  readonly #maxBytes: number;
  #items: (Slot<Item> | undefined)[] = [];
  #mask = -1;
  #first = 1;
  #last = 0;
  #largestBytes = 0;
  /** So many events fit, whichever they are. */
  #lengthSafe = 0;
  /** Of the event in each slot; undefined until they are needed. */
  #sizes: number[] | undefined;
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  get length(): number {
    return this.#last - this.#first + 1;
  }

  /** Whether what is here and one more of that size weigh `maxBytes` at most. To be asked before each push. */
  fits(sizeBytes: number): boolean {
    if (sizeBytes > this.#largestBytes) this.#raise(sizeBytes);
    return this.length < this.#lengthSafe || this.#sum() + sizeBytes <= this.#maxBytes;
  }

  push(item: Slot<Item>, sizeBytes: number): void {
    if (this.length > this.#mask) this.#grow();
    const slot = ++this.#last & this.#mask;
    this.#items[slot] = item;
    if (this.#sizes !== undefined) this.#weigh(this.#sizes, slot, sizeBytes);
  }

  /** Forgets the oldest. The ring must not be empty. */
  evict(): void {
    const slot = this.#first++ & this.#mask;
    this.#items[slot] = undefined;
    if (this.#sizes !== undefined) this.#weigh(this.#sizes, slot, 0);
  }

  /** The event with that seq, which must be in the ring. */
  at(seq: number): Item {
    return this.#items[seq & this.#mask] as Item;
  }

  /** The events from that seq on, which must be in the ring. */
  since(seq: number): Item[] {
    const start = seq & this.#mask;
    const end = (this.#last & this.#mask) + 1;
    const items =
      start < end
        ? this.#items.slice(start, end)
        : this.#items.slice(start).concat(this.#items.slice(0, end));
    return items as Item[];
  }

  #raise(largestBytes: number): void {
    this.#largestBytes = largestBytes;
    this.#lengthSafe = Math.floor(this.#maxBytes / largestBytes);
  }

  #sum(): number {
    if (this.#sizes === undefined) {
      this.#sizes = this.#items.map((item) => (item === undefined ? 0 : sizeOf(item)));
      this.#sizeBytes = this.#sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
    }
    return this.#sizeBytes;
  }

  #weigh(sizes: number[], slot: number, sizeBytes: number): void {
    this.#sizeBytes += sizeBytes - (sizes[slot] ?? 0);
    sizes[slot] = sizeBytes;
  }

  #grow(): void {
    const slots = Math.max(SLOTS_FIRST, 2 * this.#items.length);
    this.#items = this.#spread(this.#items, slots);
    if (this.#sizes !== undefined) this.#sizes = this.#spread(this.#sizes, slots);
    this.#mask = slots - 1;
  }

  /** What the slots have, in so many of them. */
  #spread<Value>(values: readonly Value[], slots: number): Value[] {
    const spread = new Array(slots);
    for (let seq = this.#first; seq <= this.#last; seq++) {
      spread[seq & (slots - 1)] = values[seq & this.#mask];
    }
    return spread;
  }
}

/** Only objects are sent. */
type Slot<Item> = Item & object;

/** Enough for a short answer, small enough for ten thousand streams. */
const SLOTS_FIRST = 8;
