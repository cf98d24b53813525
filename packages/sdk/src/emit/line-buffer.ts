import type { LineSink } from "./line-encoder.ts";

/** Starts small, because most applications emit little. */
const FIRST_BYTES = 64 * 1024;
/** UTF-8 needs at most three bytes for each UTF-16 unit. */
const BYTES_PER_UNIT_MAX = 3;
const LINE_FEED = 0x0a;

/** Lines of text as UTF-8 in one growing piece of memory, used again and again. */
export class LineBuffer implements LineSink {
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
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#usedBytes);
  }

  clear(): void {
    this.#usedBytes = 0;
    this.#lines = 0;
  }

  /**
   * Adds an object's JSON as a line. `head`, if not empty, takes the place of its brace. False if there is no
   * room.
   */
  add(json: string, head: Uint8Array): boolean {
    const at = this.#usedBytes;
    // The head's last byte comes to lie on the brace: nothing is concatenated, nothing copied twice.
    const start = head.length === 0 ? at : at + head.length - 1;
    if (!this.#makeRoom(start + 1, json)) return false;
    const end = start + this.#bytes.write(json, start);
    if (head.length > 0) this.#bytes.set(head, at);
    this.#bytes[end] = LINE_FEED;
    this.#usedBytes = end + 1;
    this.#lines++;
    return true;
  }

  /** `fixedBytes` and the text will fit. */
  #makeRoom(fixedBytes: number, json: string): boolean {
    if (fixedBytes + json.length * BYTES_PER_UNIT_MAX <= this.#bytes.length) return true;
    const needed = fixedBytes + Buffer.byteLength(json);
    if (needed <= this.#bytes.length) return true;
    if (needed > this.#bytesMax) return false;
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(FIRST_BYTES, 2 * needed)));
    grown.set(this.bytes);
    this.#bytes = grown;
    return true;
  }
}
