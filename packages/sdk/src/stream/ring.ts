/**
 * The newest events of a stream, in order, each with a seq: 1, 2, 3 … What is in the ring is `first` to
 * `last`; nothing is when `first` is `last + 1`. Slots are a power of two, found by masking the seq, and are
 * made when they are needed: a stream that nobody uses has none.
 */
export class Ring<Item> {
  #items: (Item | undefined)[] = [];
  #sizes: number[] = [];
  #mask = -1;
  #first = 1;
  #last = 0;
  #sizeBytes = 0;

  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  get length(): number {
    return this.#last - this.#first + 1;
  }

  /** The sum of what the events were said to weigh. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  push(item: Item, sizeBytes: number): void {
    if (this.length > this.#mask) this.#grow();
    const slot = ++this.#last & this.#mask;
    this.#items[slot] = item;
    this.#sizes[slot] = sizeBytes;
    this.#sizeBytes += sizeBytes;
  }

  /** Forgets the oldest. The ring must not be empty. */
  evict(): void {
    const slot = this.#first++ & this.#mask;
    this.#items[slot] = undefined;
    this.#sizeBytes -= this.#sizes[slot] ?? 0;
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

  #grow(): void {
    const slots = Math.max(SLOTS_FIRST, 2 * this.#items.length);
    const items: (Item | undefined)[] = new Array(slots).fill(undefined);
    const sizes: number[] = new Array(slots).fill(0);
    for (let seq = this.#first; seq <= this.#last; seq++) {
      items[seq & (slots - 1)] = this.#items[seq & this.#mask];
      sizes[seq & (slots - 1)] = this.#sizes[seq & this.#mask] ?? 0;
    }
    this.#items = items;
    this.#sizes = sizes;
    this.#mask = slots - 1;
  }
}

/** Enough for a short answer, small enough for ten thousand streams. */
const SLOTS_FIRST = 8;
