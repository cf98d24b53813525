/**
 * Turns pieces of a byte stream into text; a character that two pieces share comes with the second. No piece
 * is kept: its memory may be used again.
 */
export class Utf8Pieces {
  #carried: Buffer | undefined;

  take(chunk: Buffer): string {
    const bytes = this.#carried === undefined ? chunk : Buffer.concat([this.#carried, chunk]);
    const whole = bytes.length - unfinishedBytes(bytes);
    this.#carried = whole === bytes.length ? undefined : Buffer.from(bytes.subarray(whole));
    return bytes.toString("utf8", 0, whole);
  }

  /** What is left when nothing more comes. */
  end(): string {
    const text = this.#carried?.toString("utf8") ?? "";
    this.#carried = undefined;
    return text;
  }
}

/** How many bytes at the end begin a character that is not finished. */
function unfinishedBytes(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}
