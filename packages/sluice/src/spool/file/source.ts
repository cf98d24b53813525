import type { Disk, DiskFile } from "@sluice/sdk/internal";
import { ignoreFailure } from "./failures.ts";

/** A segment that is about to be scanned. */
export interface Source extends Pick<DiskFile, "read"> {
  /** Of the file; where it is not sure, there may be more, because a read may come out short. */
  readonly sizeBytes: number;
  readonly isSizeSure: boolean;
  /** Never rejects: nothing was written. */
  close(): Promise<void>;
}

/** All of a small segment; of a large one, what saves it no more than a wait. */
const HEAD_BYTES_MAX = 128 * 1024;

/**
 * Opens segments, and reads ahead what a scan will ask for first. A file that is read wholly by that is
 * closed already, so that a start with many small segments waits for none of these steps.
 */
export class Sources {
  readonly #disk: Disk;
  /** Buffers that no source uses any more. */
  readonly #free: Buffer[] = [];

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /**
   * For reading from `from` to the end. Asking for the size is one step in four, so it is left out with
   * "guess" where one read seems to have come to the end. Rejects if the disk does, and leaves nothing open.
   */
  async open(path: string, from: number, size: "ask" | "guess"): Promise<Source> {
    const head = this.#free.pop() ?? Buffer.allocUnsafeSlow(HEAD_BYTES_MAX);
    const file = await this.#disk.open(path, "read");
    try {
      const headBytes = await file.read(head, from);
      const isSizeSure = size === "ask" || headBytes === head.length;
      const sizeBytes = isSizeSure ? (await file.stat()).sizeBytes : from + headBytes;
      const isWhole = from + headBytes >= sizeBytes;
      if (isWhole) await ignoreFailure(file.close());
      return {
        sizeBytes,
        isSizeSure,
        async read(into, position) {
          const at = position - from;
          if (at >= 0 && at < headBytes) {
            return head.copy(into, 0, at, Math.min(headBytes, at + into.length));
          }
          return isWhole ? 0 : file.read(into, position);
        },
        close: () => {
          this.#free.push(head);
          return ignoreFailure(isWhole ? undefined : file.close());
        },
      };
    } catch (error) {
      await ignoreFailure(file.close());
      throw error;
    }
  }
}
