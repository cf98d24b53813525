import { basename, join } from "node:path";
import type { Disk } from "@sluice/sdk/internal";

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

/**
 * The room that all dead letters of a data dir share: what their files take, whether anybody writes to them
 * or not. Those of a sink that is disabled, detached or forgotten are there as well.
 */
export class DeadLetterRoom {
  readonly capBytes: number;
  readonly #sizes = new Map<string, number>();

  constructor(capBytes: number = DEAD_LETTER_BYTES_MAX) {
    this.capBytes = capBytes;
  }

  get bytes(): number {
    let sum = 0;
    for (const sizeBytes of this.#sizes.values()) sum += sizeBytes;
    return sum;
  }

  has(bytes: number): boolean {
    return this.bytes + bytes <= this.capBytes;
  }

  /** What a file takes from now on. */
  hold(path: string, sizeBytes: number): void {
    this.#sizes.set(basename(path), sizeBytes);
  }

  moved(from: string, to: string): void {
    const sizeBytes = this.#sizes.get(basename(from));
    if (sizeBytes === undefined) return;
    this.#sizes.delete(basename(from));
    this.hold(to, sizeBytes);
  }

  /** Every file that is in the directory, before anybody opens one. */
  async count(disk: Disk, directory: string): Promise<void> {
    for (const name of await disk.list(directory)) {
      const file = await disk.open(join(directory, name), "read");
      const { sizeBytes } = await file.stat();
      // It was only looked at.
      await file.close().catch(() => undefined);
      this.hold(name, sizeBytes);
    }
  }
}
