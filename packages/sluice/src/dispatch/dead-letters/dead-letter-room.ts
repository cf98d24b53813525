import { codeOf, type Disk } from "@sluice/sdk/internal";

/**
 * Dead letters wait for a person. More than this means that something is wrong with all events, not with
 * some.
 */
const DEAD_LETTER_BYTES_MAX = 256 * 1024 * 1024;
/** Of a small data dir they take no more than this part. */
const SHARE = 16;

/** What of a data dir's `max_bytes` is kept for dead letters, all sinks together. */
export function deadLetterBytesFor(maxBytes: number): number {
  return Math.min(DEAD_LETTER_BYTES_MAX, Math.floor(maxBytes / SHARE));
}

/** The room that the dead letters of all sinks share. */
export class DeadLetterRoom {
  readonly capBytes: number;
  #bytes = 0;

  constructor(capBytes: number = DEAD_LETTER_BYTES_MAX) {
    this.capBytes = capBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(bytes: number): boolean {
    return this.#bytes + bytes <= this.capBytes;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Somebody else will count them, or nobody any more. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Counts the file of a sink that is not running; says what it takes. */
  async takeFile(disk: Disk, path: string): Promise<number> {
    try {
      const file = await disk.open(path, "read");
      const { sizeBytes } = await file.stat();
      this.take(sizeBytes);
      await file.close();
      return sizeBytes;
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
      return 0;
    }
  }
}
