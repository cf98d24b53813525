/**
 * A map from keys of 48 bits to a few numbers of 32, without an object for any of them: entries lie in blocks
 * side by side, and an open-addressing index (linear probing, deletion by shifting back, so no tombstones)
 * leads from a key to its entry. An entry keeps its number until it is removed, so that one can go through
 * all of them while some are removed. The keys are hashes already, and are not mixed again.
 *
 * Of each entry the first two words are the table's own: the key, a bit that says that the entry is in use,
 * and a tag of 15 bits for the caller. What is added is zero.
 */
export class PackedTable {
  readonly #words: number;
  #blocks: Uint32Array[] = [];
  /** Entry number + 1, or 0 where the place is free. */
  #index = new Uint32Array(PLACES_AT_START);
  #size = 0;
  /** Entries below it have been in use. */
  #end = 0;
  /** The entry that was removed last, + 1; its first word leads to the one before. */
  #free = 0;

  constructor(words: number) {
    this.#words = words;
  }

  get size(): number {
    return this.#size;
  }

  /** Entries below this number may be in use. */
  get end(): number {
    return this.#end;
  }

  /** The entry of a key, or NOT_FOUND. */
  find(key: number): number {
    const low = key >>> 0;
    const high = Math.floor(key / WORD);
    const index = this.#index;
    for (let place = homeOf(low, index); ; place = placeAfter(place, index)) {
      const entry = (index[place] ?? 0) - 1;
      if (entry < 0) return NOT_FOUND;
      const block = this.#blocks[entry >>> BLOCK_BITS];
      const at = (entry & BLOCK_MASK) * this.#words;
      if (block?.[at] === low && ((block[at + 1] ?? 0) & KEY_HIGH) === high) return entry;
    }
  }

  /** A new entry for a key that has none. */
  add(key: number): number {
    if (this.#size + 1 > this.#index.length * FILLED_MAX) this.#growIndex();
    const entry = this.#take();
    this.set(entry, 0, key >>> 0);
    this.set(entry, 1, (IN_USE | Math.floor(key / WORD)) >>> 0);
    for (let word = 2; word < this.#words; word++) this.set(entry, word, 0);
    this.#link(this.#index, entry);
    this.#size++;
    return entry;
  }

  remove(entry: number): void {
    this.#unlink(entry);
    if (--this.#size === 0) {
      this.#clear();
      return;
    }
    this.set(entry, 0, this.#free);
    this.set(entry, 1, 0);
    this.#free = entry + 1;
  }

  isInUse(entry: number): boolean {
    return this.get(entry, 1) >= IN_USE;
  }

  keyOf(entry: number): number {
    return (this.get(entry, 1) & KEY_HIGH) * WORD + this.get(entry, 0);
  }

  tagOf(entry: number): number {
    return (this.get(entry, 1) >>> TAG_SHIFT) & TAG_MAX;
  }

  setTag(entry: number, tag: number): void {
    const rest = this.get(entry, 1) & ~(TAG_MAX << TAG_SHIFT);
    this.set(entry, 1, (rest | (tag << TAG_SHIFT)) >>> 0);
  }

  get(entry: number, word: number): number {
    return this.#blocks[entry >>> BLOCK_BITS]?.[(entry & BLOCK_MASK) * this.#words + word] ?? 0;
  }

  set(entry: number, word: number, value: number): void {
    const block = this.#blocks[entry >>> BLOCK_BITS];
    if (block) block[(entry & BLOCK_MASK) * this.#words + word] = value;
  }

  #take(): number {
    if (this.#free > 0) {
      const entry = this.#free - 1;
      this.#free = this.get(entry, 0);
      return entry;
    }
    if (this.#end >>> BLOCK_BITS === this.#blocks.length) {
      this.#blocks.push(new Uint32Array(this.#words << BLOCK_BITS));
    }
    return this.#end++;
  }

  /** What a million runs took is given back when none of them is left. */
  #clear(): void {
    this.#blocks = this.#blocks.slice(0, 1);
    this.#end = this.#free = 0;
    if (this.#index.length > PLACES_AT_START) this.#index = new Uint32Array(PLACES_AT_START);
  }

  #growIndex(): void {
    const index = new Uint32Array(Math.ceil(this.#index.length * GROWTH));
    for (let entry = 0; entry < this.#end; entry++) if (this.isInUse(entry)) this.#link(index, entry);
    this.#index = index;
  }

  #link(index: Uint32Array, entry: number): void {
    let place = homeOf(this.get(entry, 0), index);
    while (index[place] !== 0) place = placeAfter(place, index);
    index[place] = entry + 1;
  }

  #unlink(entry: number): void {
    const index = this.#index;
    const steps = (from: number, to: number) => (to < from ? to + index.length : to) - from;
    let free = homeOf(this.get(entry, 0), index);
    while (index[free] !== entry + 1) free = placeAfter(free, index);
    // Whoever probed past the freed place on the way from home moves up into it.
    for (let place = placeAfter(free, index); index[place] !== 0; place = placeAfter(place, index)) {
      const moved = index[place] ?? 0;
      const home = homeOf(this.get(moved - 1, 0), index);
      if (steps(home, place) < steps(free, place)) continue;
      index[free] = moved;
      free = place;
    }
    index[free] = 0;
  }
}

export const NOT_FOUND = -1;

const WORD = 0x1_0000_0000;
const KEY_HIGH = 0xffff;
const TAG_SHIFT = 16;
const TAG_MAX = 0x7fff;
const IN_USE = 0x8000_0000;
/** A block of runs takes 448 KiB: more is asked of the system as it is needed, and nothing is copied. */
const BLOCK_BITS = 14;
const BLOCK_MASK = (1 << BLOCK_BITS) - 1;
const PLACES_AT_START = 1024;
/**
 * Between a half and five eighths of the places are used: probes stay short, and an entry has 8 bytes of the
 * index at the most. An index that doubles would have 16 for it.
 */
const FILLED_MAX = 5 / 8;
const GROWTH = 5 / 4;

/** The share of the index that the low half of the key is of all low halves: any length will do. */
function homeOf(low: number, index: Uint32Array): number {
  return Math.trunc(low * (index.length / WORD));
}

function placeAfter(place: number, index: Uint32Array): number {
  return place + 1 === index.length ? 0 : place + 1;
}
