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
    const last = index.length - 1;
    for (let place = low & last; ; place = (place + 1) & last) {
      const entry = (index[place] ?? 0) - 1;
      if (entry < 0) return NOT_FOUND;
      const block = this.#blocks[entry >>> BLOCK_BITS];
      const at = (entry & BLOCK_MASK) * this.#words;
      if (block?.[at] === low && ((block[at + 1] ?? 0) & KEY_HIGH) === high) return entry;
    }
  }

  /** A new entry for a key that has none. */
  add(key: number): number {
    if ((this.#size + 1) * 2 > this.#index.length) this.#growIndex();
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
    const index = new Uint32Array(this.#index.length * 2);
    for (let entry = 0; entry < this.#end; entry++) if (this.isInUse(entry)) this.#link(index, entry);
    this.#index = index;
  }

  #link(index: Uint32Array, entry: number): void {
    const last = index.length - 1;
    let place = this.get(entry, 0) & last;
    while (index[place] !== 0) place = (place + 1) & last;
    index[place] = entry + 1;
  }

  #unlink(entry: number): void {
    const index = this.#index;
    const last = index.length - 1;
    let free = this.get(entry, 0) & last;
    while (index[free] !== entry + 1) free = (free + 1) & last;
    // Whoever probed past the freed place on the way from home moves up into it.
    for (let place = (free + 1) & last; index[place] !== 0; place = (place + 1) & last) {
      const moved = index[place] ?? 0;
      const home = this.get(moved - 1, 0) & last;
      if (((place - home) & last) < ((place - free) & last)) continue;
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
/** A power of two, as always. Never more than half of the places are used: probes stay short. */
const PLACES_AT_START = 1024;
