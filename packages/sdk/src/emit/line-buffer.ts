/** Starts small, because most applications emit little. */
const FIRST_BYTES = 64 * 1024;
/** UTF-8 needs at most three bytes for each UTF-16 unit. */
const BYTES_PER_UNIT_MAX = 3;
const LINE_FEED = 0x0a;

/** Lines of text as UTF-8 in one growing piece of memory, used again and again. */
export class LineBuffer {
  readonly #bytesMax: number;
  #bytes = Buffer.allocUnsafe(0);
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

  /** Adds a line: an object's JSON, with `fields` (each followed by a comma) behind its brace. False if there is no room. */
  add(json: string, fields: string): boolean {
    const at = this.#usedBytes;
    if (!this.#makeRoom(json, fields)) return false;
    // The fields are ASCII, and their brace overwrites the object's own: nothing is concatenated, nothing copied twice.
    const shift = fields.length;
    const end = at + shift + this.#bytes.write(json, at + shift);
    if (shift > 0) this.#bytes.write(`{${fields}`, at, "latin1");
    this.#bytes[end] = LINE_FEED;
    this.#usedBytes = end + 1;
    this.#lines++;
    return true;
  }

  #makeRoom(json: string, fields: string): boolean {
    const start = this.#usedBytes + fields.length + 1;
    if (start + json.length * BYTES_PER_UNIT_MAX <= this.#bytes.length) return true;
    const needed = start + Buffer.byteLength(json);
    if (needed <= this.#bytes.length) return true;
    if (needed > this.#bytesMax) return false;
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(FIRST_BYTES, 2 * needed)));
    grown.set(this.bytes);
    this.#bytes = grown;
    return true;
  }
}
