import type { SyncDisk, SyncFile } from "../../system/sync-disk.ts";
import { encodeDone } from "./spill-format.ts";

/**
 * One file of lines that wait: written at its end, read at `done`. Everything before `done` is acknowledged;
 * when that is everything, the file shrinks to its header.
 */
export class SpillFile {
  readonly #disk: SyncDisk;
  readonly #livePath: string;
  readonly #leftPath: string;
  readonly #file: SyncFile;
  readonly #headerBytes: number;
  #writtenBytes: number;
  #done: number;

  /** Makes the file. Throws Node's error if it cannot be made or its header cannot be written. */
  constructor(disk: SyncDisk, livePath: string, leftPath: string, header: Uint8Array) {
    this.#disk = disk;
    this.#livePath = livePath;
    this.#leftPath = leftPath;
    this.#headerBytes = header.length;
    this.#writtenBytes = header.length;
    this.#done = header.length;
    this.#file = disk.create(livePath);
    try {
      if (this.#file.write(header, 0) < header.length) throw new Error("ENOSPC: short write");
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  get waitingBytes(): number {
    return this.#writtenBytes - this.#done;
  }

  /** With the kernel when this returns. Throws Node's error, and then none of it counts as written. */
  append(lines: Uint8Array): void {
    const count = this.#file.write(lines, this.#writtenBytes);
    if (count < lines.length) {
      this.#file.truncate(this.#writtenBytes);
      throw new Error("ENOSPC: short write");
    }
    this.#writtenBytes += lines.length;
  }

  /** Fills `into` from the first line that waits, and returns how many bytes of lines there were. */
  async read(into: Uint8Array): Promise<number> {
    const count = Math.min(into.length, this.waitingBytes);
    let filled = 0;
    while (filled < count) {
      const read = await this.#file.read(into.subarray(filled, count), this.#done + filled);
      if (read === 0) throw new Error("a spill file is shorter than what was written into it");
      filled += read;
    }
    return count;
  }

  /**
   * The first `bytes` that wait are acknowledged, also if this throws Node's error: then a daemon that finds
   * the file will get them once more.
   */
  settle(bytes: number): void {
    this.#done += bytes;
    const isEmpty = this.waitingBytes === 0;
    // First the mark and then the cut: killed in between, lines are sent twice and none is passed over.
    const mark = encodeDone(isEmpty ? this.#headerBytes : this.#done);
    this.#file.write(mark.bytes, mark.position);
    if (!isEmpty) return;
    this.#file.truncate(this.#headerBytes);
    this.#done = this.#headerBytes;
    this.#writtenBytes = this.#headerBytes;
  }

  /** Shows others that the writer lives. False if nobody could find the file any more. */
  touch(): boolean {
    return this.#file.touch();
  }

  /** Hands it to whichever daemon finds it, or removes it when nothing waits in it. */
  leave(): void {
    this.#file.close();
    if (this.waitingBytes === 0) this.#disk.remove(this.#livePath);
    else this.#disk.rename(this.#livePath, this.#leftPath);
  }

  remove(): void {
    this.#file.close();
    this.#disk.remove(this.#livePath);
  }
}
