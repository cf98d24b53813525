/**
 * Bytes that captures hold in memory, all calls together. Beyond it a call keeps nothing more, and says so
 * (`truncated`).
 */
const HELD_BYTES_MAX = 24 * 1024 * 1024;
/** A capture that finds less room than this is none. */
const SPARE_BYTES = 256 * 1024;
/** The end of a body that is longer than what is kept: usage stands there. */
const TAIL_BYTES = 64 * 1024;

/**
 * How much all captures of a proxy hold. When it is used up, calls that begin are not captured, and those
 * that are on their way are cut short.
 */
export class HeldBytes {
  #held = 0;

  get isUsedUp(): boolean {
    return this.#held > HELD_BYTES_MAX - SPARE_BYTES;
  }

  take(bytes: number): boolean {
    if (this.#held + bytes > HELD_BYTES_MAX) return false;
    this.#held += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }
}

/** One side of a call: its first bytes up to a limit, its size, and its last bytes if it was longer. */
export class KeptBytes {
  readonly #held: HeldBytes;
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #keptBytes = 0;
  /** Made when it is needed, which is hardly ever; a call's objects outlive many others. */
  #tail: Buffer[] | undefined;
  #tailBytes = 0;
  sizeBytes = 0;
  isCut = false;

  constructor(held: HeldBytes, bytesMax: number) {
    this.#held = held;
    this.#bytesMax = bytesMax;
  }

  add(chunk: Buffer): void {
    this.sizeBytes += chunk.length;
    if (!this.isCut) {
      const room = this.#bytesMax - this.#keptBytes;
      const part = chunk.length <= room ? chunk : chunk.subarray(0, room);
      if (this.#held.take(part.length)) {
        this.#chunks.push(part);
        this.#keptBytes += part.length;
      } else this.isCut = true;
      if (part.length === chunk.length && !this.isCut) return;
      this.isCut = true;
    }
    this.#addTail(chunk);
  }

  /** What was kept, as text; a character that the limit cut in two becomes U+FFFD. */
  text(): string {
    return joined(this.#chunks).toString("utf8");
  }

  tail(): string | undefined {
    return this.isCut
      ? joined(this.#tail ?? [])
          .subarray(-TAIL_BYTES)
          .toString("utf8")
      : undefined;
  }

  release(): void {
    this.#held.giveBack(this.#keptBytes + this.#tailBytes);
    this.#keptBytes = 0;
    this.#chunks = [];
    this.#dropTail();
  }

  /** The usage that stands there is lost if there is no room. */
  #addTail(chunk: Buffer): void {
    this.#tail ??= [];
    const tail = this.#tail;
    if (!this.#held.take(chunk.length)) {
      this.#held.giveBack(this.#tailBytes);
      this.#dropTail();
      return;
    }
    tail.push(chunk);
    this.#tailBytes += chunk.length;
    let first = tail[0];
    while (first !== undefined && this.#tailBytes - first.length >= TAIL_BYTES) {
      tail.shift();
      this.#tailBytes -= first.length;
      this.#held.giveBack(first.length);
      first = tail[0];
    }
  }

  #dropTail(): void {
    this.#tail = undefined;
    this.#tailBytes = 0;
  }
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}
