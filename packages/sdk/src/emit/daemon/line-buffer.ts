/** Starts small, because most applications emit little. */
const FIRST_BYTES = 64 * 1024;

/** Lines of bytes in one growing piece of memory, used again and again. */
export class LineBuffer {
  readonly #bytesMax: number;
  #bytes = new Uint8Array(0);
  #usedBytes = 0;
  #lines = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get lines(): number {
    return this.#lines;
  }

  get sizeBytes(): number {
    return this.#usedBytes;
  }

  /** The lines so far. Valid until `clear`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#usedBytes);
  }

  clear(): void {
    this.#usedBytes = 0;
    this.#lines = 0;
  }

  /** Copies a line, with its end. False if there is no room. */
  add(line: Uint8Array): boolean {
    const needed = this.#usedBytes + line.length;
    if (needed > this.#bytesMax) return false;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#bytes.set(line, this.#usedBytes);
    this.#usedBytes = needed;
    this.#lines++;
    return true;
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(FIRST_BYTES, 2 * needed)));
    grown.set(this.bytes);
    this.#bytes = grown;
  }
}
