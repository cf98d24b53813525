import { readFileSync } from "node:fs";
import path from "node:path";
import { brotliDecompressSync } from "node:zlib";

export type Encoding = "o200k_base" | "cl100k_base";

/**
 * The tokens of an encoding, in the order in which they are merged: their bytes one after another, and a hash
 * table that finds one by its bytes. 8 MB for o200k; as strings in a map it would be 30.
 */
export class Vocabulary {
  /** No token is longer. */
  readonly #bytesMax: number;
  readonly #bytes: Uint8Array;
  /** Where each token begins in `#bytes`; one more for the end. */
  readonly #starts: Uint32Array;
  /** Rank + 1 by hash, in the next free slot where that one is taken; 0 is free. */
  readonly #slots: Int32Array;

  /** `lengths` has a byte for each token, and `bytes` the tokens themselves. */
  constructor(lengths: Uint8Array, bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#starts = new Uint32Array(lengths.length + 1);
    // At most half full, so that who is not there is found out after one look or two.
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(lengths.length * 2)));
    let start = 0;
    let bytesMax = 0;
    lengths.forEach((length, rank) => {
      const end = start + length;
      this.#starts[rank + 1] = end;
      bytesMax = Math.max(bytesMax, length);
      let slot = hashOf(bytes, start, end) & (this.#slots.length - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1);
      this.#slots[slot] = rank + 1;
      start = end;
    });
    this.#bytesMax = bytesMax;
  }

  /** The rank of the token that has these bytes; -1: there is none. */
  rankOf(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > this.#bytesMax) return -1;
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const rank = (this.#slots[slot] ?? 0) - 1;
      if (rank < 0) return -1;
      const from = this.#starts[rank] ?? 0;
      if ((this.#starts[rank + 1] ?? 0) - from !== length) continue;
      let same = 0;
      while (same < length && this.#bytes[from + same] === bytes[start + same]) same++;
      if (same === length) return rank;
    }
  }
}

/** Reads one of the two that are shipped: 20 ms for o200k, so only when somebody counts. */
export function readVocabulary(encoding: Encoding): Vocabulary {
  const file = path.join(import.meta.dirname, "../../vocabulary", `${encoding}.br`);
  const packed = brotliDecompressSync(readFileSync(file));
  const count = packed.readUInt32LE(0);
  const lengths = packed.subarray(COUNT_BYTES, COUNT_BYTES + count);
  return new Vocabulary(lengths, packed.subarray(COUNT_BYTES + count));
}

/** The file says first how many tokens there are. */
const COUNT_BYTES = 4;

/** FNV-1a, and its upper half over its lower one, which alone would choose the slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
  return hash ^ (hash >>> 15);
}
