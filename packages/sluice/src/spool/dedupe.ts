import { EVENT_KEY_BYTES, writeEventKey } from "./keys.ts";

/**
 * The newest event ids of the spool: what decides whether a record is new, a duplicate or a conflict.
 *
 * Entries lie in a ring in the order of their offsets, 32 bytes each: event key 16, CRC as received 4, offset
 * 8, 4 spare. An open-addressing index (linear probing, deletion by shifting back, so no tombstones) leads
 * from a key to its entry. It keeps the hash beside the number, so that probing stays within it: each look at
 * an entry is a cache miss when there are many, and at a million ids those misses cost more than everything
 * else. Both double as they fill up. At the limit the oldest entry makes room; when a segment is trimmed its
 * ids are forgotten with it. A million entries take 32 MB and their index 16 MB; an object per id would take
 * seven times that.
 */
const DEDUPE_IDS_MAX = 1_000_000;
/** Half a megabyte: a spool that is used at all gets there, and growing lays out everything anew. */
const IDS_AT_START = 16 * 1024;

const WORDS = 8;
const CRC = 4;
const OFFSET_LOW = 5;
const OFFSET_HIGH = 6;
const NOT_FOUND = -1;

export class Dedupe {
  readonly #idsMax: number;
  #words: Uint32Array;
  /** Places of two words: entry number + 1, or 0 where the place is free, and the hash of the entry's key. */
  #index: Int32Array;
  #capacity: number;
  #oldest = 0;
  #count = 0;
  /** The key that is being looked at, as bytes and as words. */
  readonly key = new Uint8Array(EVENT_KEY_BYTES);
  readonly #key = new Uint32Array(this.key.buffer);

  constructor(idsMax = DEDUPE_IDS_MAX, idsAtStart = IDS_AT_START) {
    this.#idsMax = idsMax;
    this.#capacity = Math.min(idsAtStart, idsMax);
    this.#words = new Uint32Array(this.#capacity * WORDS);
    this.#index = new Int32Array(indexSize(this.#capacity));
  }

  get count(): number {
    return this.#count;
  }

  /** The entry of the id in `key`, or -1. Good until the next change. */
  find(): number {
    const index = this.#index;
    const last = index.length - 1;
    const hash = hashOf(this.#key, 0);
    for (let place = (hash << 1) & last; ; place = (place + 2) & last) {
      const entry = (index[place] ?? 0) - 1;
      if (entry === NOT_FOUND || (index[place + 1] === hash && this.#holdsKey(entry))) return entry;
    }
  }

  /** The offset of an id, or undefined. */
  offsetOf(id: string): number | undefined {
    writeEventKey(id, this.key, 0);
    const entry = this.find();
    return entry === NOT_FOUND ? undefined : this.offsetAt(entry);
  }

  offsetAt(entry: number): number {
    const at = entry * WORDS;
    return (this.#words[at + OFFSET_HIGH] ?? 0) * 0x1_0000_0000 + (this.#words[at + OFFSET_LOW] ?? 0);
  }

  crcAt(entry: number): number {
    return this.#words[entry * WORDS + CRC] ?? 0;
  }

  /** Adds the id in `key`, which must not be there, with an offset higher than all before. */
  add(crc: number, offset: number): void {
    if (this.#count === this.#capacity) {
      if (this.#capacity < this.#idsMax) {
        this.#grow();
        this.#linkAll();
      } else this.#forgetOldest();
    }
    this.#link(this.#put(crc, offset));
  }

  /**
   * Takes in the ids of a log that is read from its start: `note` for each record in order, then `settle`,
   * and nothing else in between. Only the newest ids, as many as are kept, meet the index, one right after
   * the other: 220 ms for five million ids, where looking up and adding each took 1,500.
   */
  note(crc: number, offset: number): void {
    if (this.#count === this.#capacity) {
      if (this.#capacity < this.#idsMax) this.#grow();
      else {
        this.#oldest = (this.#oldest + 1) % this.#capacity;
        this.#count--;
      }
    }
    this.#put(crc, offset);
  }

  /** Makes known what was noted. Where an id was noted twice the first one stays. */
  settle(): void {
    const again = this.#linkAll();
    if (again.size > 0) this.#takeOut(again);
  }

  /** Writes what is in `key` behind the newest entry. */
  #put(crc: number, offset: number): number {
    const entry = (this.#oldest + this.#count) % this.#capacity;
    const at = entry * WORDS;
    const words = this.#words;
    const key = this.#key;
    words[at] = key[0] ?? 0;
    words[at + 1] = key[1] ?? 0;
    words[at + 2] = key[2] ?? 0;
    words[at + 3] = key[3] ?? 0;
    words[at + CRC] = crc;
    words[at + OFFSET_LOW] = offset >>> 0;
    words[at + OFFSET_HIGH] = Math.floor(offset / 0x1_0000_0000);
    this.#count++;
    return entry;
  }

  /** Takes back the newest entries: their records were not stored. */
  removeNewest(count: number): void {
    for (let left = Math.min(count, this.#count); left > 0; left--) {
      this.#count--;
      this.#unlink((this.#oldest + this.#count) % this.#capacity);
    }
  }

  /** Forgets the ids of records below an offset. */
  forgetBelow(offset: number): void {
    while (this.#count > 0 && this.offsetAt(this.#oldest) < offset) this.#forgetOldest();
  }

  #forgetOldest(): void {
    this.#unlink(this.#oldest);
    this.#oldest = (this.#oldest + 1) % this.#capacity;
    this.#count--;
  }

  #holdsKey(entry: number): boolean {
    const at = entry * WORDS;
    const words = this.#words;
    const key = this.#key;
    return (
      words[at] === key[0] && words[at + 1] === key[1] && words[at + 2] === key[2] && words[at + 3] === key[3]
    );
  }

  #link(entry: number): void {
    const index = this.#index;
    const last = index.length - 1;
    const hash = hashOf(this.#words, entry * WORDS);
    let place = (hash << 1) & last;
    while (index[place] !== 0) place = (place + 2) & last;
    index[place] = entry + 1;
    index[place + 1] = hash;
  }

  #unlink(entry: number): void {
    const index = this.#index;
    const last = index.length - 1;
    let free = (hashOf(this.#words, entry * WORDS) << 1) & last;
    while (index[free] !== entry + 1) free = (free + 2) & last;
    // Whoever probed past the freed place on the way from home moves up into it.
    for (let place = (free + 2) & last; index[place] !== 0; place = (place + 2) & last) {
      const hash = index[place + 1] ?? 0;
      const home = (hash << 1) & last;
      if (((place - home) & last) < ((place - free) & last)) continue;
      index[free] = index[place] ?? 0;
      index[free + 1] = hash;
      free = place;
    }
    index[free] = 0;
  }

  /** The ring is full here, so it is laid out anew from its oldest entry. The index has to be built again. */
  #grow(): void {
    const old = this.#words;
    const split = this.#oldest * WORDS;
    this.#capacity = Math.min(this.#capacity * 2, this.#idsMax);
    this.#words = new Uint32Array(this.#capacity * WORDS);
    this.#words.set(old.subarray(split), 0);
    this.#words.set(old.subarray(0, split), old.length - split);
    this.#oldest = 0;
  }

  /** Builds the index anew, oldest entry first. Returns the entries whose id an older one has. */
  #linkAll(): ReadonlySet<number> {
    const index = new Int32Array(indexSize(this.#capacity));
    const last = index.length - 1;
    const words = this.#words;
    const again = new Set<number>();
    for (let left = this.#count, entry = this.#oldest; left > 0; left--) {
      const hash = hashOf(words, entry * WORDS);
      let place = (hash << 1) & last;
      for (; index[place] !== 0; place = (place + 2) & last) {
        if (index[place + 1] === hash && haveSameKey(words, (index[place] ?? 0) - 1, entry)) break;
      }
      if (index[place] === 0) {
        index[place] = entry + 1;
        index[place + 1] = hash;
      } else again.add(entry);
      entry = entry + 1 === this.#capacity ? 0 : entry + 1;
    }
    this.#index = index;
    return again;
  }

  /** Closes up the ring over some of its entries. */
  #takeOut(entries: ReadonlySet<number>): void {
    const words = this.#words;
    let kept = 0;
    for (let step = 0; step < this.#count; step++) {
      const from = (this.#oldest + step) % this.#capacity;
      if (entries.has(from)) continue;
      const to = (this.#oldest + kept++) % this.#capacity;
      words.copyWithin(to * WORDS, from * WORDS, (from + 1) * WORDS);
    }
    this.#count = kept;
    this.#linkAll();
  }
}

function haveSameKey(words: Uint32Array, one: number, other: number): boolean {
  const left = one * WORDS;
  const right = other * WORDS;
  return (
    words[left] === words[right] &&
    words[left + 1] === words[right + 1] &&
    words[left + 2] === words[right + 2] &&
    words[left + 3] === words[right + 3]
  );
}

/** A UUIDv7 starts with the time, and a sender's ids may hold any pattern: all four words count. */
function hashOf(words: Uint32Array, at: number): number {
  let mixed = Math.imul((words[at + 3] ?? 0) ^ Math.imul(words[at] ?? 0, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ (words[at + 2] ?? 0), 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 13) ^ (words[at + 1] ?? 0), 0x27d4eb2f);
  return mixed ^ (mixed >>> 16);
}

/** In words. The places are a power of two, and never more than half of them are used: probes stay short. */
function indexSize(capacity: number): number {
  return 2 * 2 ** Math.ceil(Math.log2(capacity * 2));
}
