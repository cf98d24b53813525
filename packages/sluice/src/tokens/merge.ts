import type { Vocabulary } from "./vocabulary.ts";

/**
 * A longer piece is cut here, and counted a token or two too high for every cut. No person writes a word of
 * this size, and the memory that merging takes is twenty times its piece.
 */
const PIECE_BYTES_MAX = 1024 * 1024;

/** One number orders pairs by rank and then by place: a double holds 18 bits of rank and 32 of place. */
const RANK_UNIT = 2 ** 32;

/**
 * Counts the tokens that byte pair encoding makes of a piece: again and again the pair of neighbours whose
 * bytes together have the lowest rank, the first of equals, becomes one. Parts are a linked list and pairs a
 * heap, so it takes n log n where looking for the lowest pair each time takes n².
 *
 * A pair in the heap is out of date when its left part has met another right one since; it is left there and
 * known by its rank when it comes up.
 */
export class Merger {
  readonly #vocabulary: Vocabulary;
  /** Where the part that begins here ends, and where the one before it begins. */
  #ends = new Int32Array(0);
  #before = new Int32Array(0);
  /** The rank of the part that begins here with the one after it; -1: they make no token. */
  #ranks = new Int32Array(0);
  /** A binary heap, lowest first. */
  #heap = new Float64Array(0);
  #heapSize = 0;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  count(bytes: Uint8Array, start: number, end: number): number {
    let count = 0;
    for (let from = start; from < end; from += PIECE_BYTES_MAX) {
      count += this.#countPiece(bytes.subarray(from, Math.min(end, from + PIECE_BYTES_MAX)));
    }
    return count;
  }

  #countPiece(piece: Uint8Array): number {
    const size = piece.length;
    this.#makeRoom(size);
    this.#heapSize = 0;
    for (let at = 0; at < size; at++) {
      this.#ends[at] = at + 1;
      this.#before[at] = at - 1;
    }
    for (let at = 0; at < size; at++) this.#rankPair(piece, at);
    let parts = size;
    while (this.#heapSize > 0) {
      const lowest = this.#pop();
      const rank = Math.floor(lowest / RANK_UNIT);
      const left = lowest - rank * RANK_UNIT;
      if (this.#ranks[left] !== rank) continue;
      const right = this.#ends[left] ?? 0;
      const end = this.#ends[right] ?? 0;
      this.#ends[left] = end;
      this.#ranks[right] = -1;
      if (end < size) this.#before[end] = left;
      parts--;
      this.#rankPair(piece, left);
      const before = this.#before[left] ?? -1;
      if (before >= 0) this.#rankPair(piece, before);
    }
    return parts;
  }

  #rankPair(piece: Uint8Array, left: number): void {
    const right = this.#ends[left] ?? 0;
    const rank = right < piece.length ? this.#vocabulary.rankOf(piece, left, this.#ends[right] ?? 0) : -1;
    this.#ranks[left] = rank;
    if (rank >= 0) this.#push(rank * RANK_UNIT + left);
  }

  /** A merge takes one pair out and puts two in at most, so there are never more than two for each byte. */
  #makeRoom(size: number): void {
    if (this.#ends.length >= size) return;
    this.#ends = new Int32Array(size);
    this.#before = new Int32Array(size);
    this.#ranks = new Int32Array(size);
    this.#heap = new Float64Array(size * 2);
  }

  #push(pair: number): void {
    const heap = this.#heap;
    let at = this.#heapSize++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] ?? 0;
      if (above <= pair) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = pair;
  }

  #pop(): number {
    const heap = this.#heap;
    const lowest = heap[0] ?? 0;
    const size = --this.#heapSize;
    const pair = heap[size] ?? 0;
    let at = 0;
    for (let child = 1; child < size; child = at * 2 + 1) {
      if (child + 1 < size && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child++;
      const below = heap[child] ?? 0;
      if (below >= pair) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = pair;
    return lowest;
  }
}
