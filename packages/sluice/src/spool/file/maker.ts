import { type Clock, type Disk, type DiskFile, type Random, syncDirectory } from "@sluice/sdk/internal";
import { ignoreFailure, isNoSpace } from "./failures.ts";
import { Segment } from "./log.ts";
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, SPARE_NAME, segmentName } from "./segment.ts";
import { writeAll } from "./write-all.ts";

/** What is zero-filled at a time: about a millisecond, which is what an append may have to wait for it. */
export const FILL_STEP_BYTES = 1024 * 1024;

/**
 * A file with zeros ahead of what is written. Overwriting them saves the sync a change of the file's size: 40
 * % at one event a sync.
 */
export interface Filled {
  readonly file: DiskFile;
  /** Where the zeros end. Nothing lies beyond. */
  zerosTo: number;
}

/** Packs a group for a place of a segment. */
export type PackGroup = (salt: number, position: number) => Uint8Array;

const ZEROS = Buffer.alloc(FILL_STEP_BYTES);

/**
 * Writes zeros on, up to `to` and one step at most. Stops quietly when there is no space: zeros are a help,
 * not a need.
 */
export function fillStep(filled: Filled, to: number): boolean {
  const bytes = Math.min(FILL_STEP_BYTES, to - filled.zerosTo);
  if (bytes <= 0) return false;
  try {
    const count = filled.file.write(ZEROS.subarray(0, bytes), filled.zerosTo);
    filled.zerosTo += count;
    return count === bytes;
  } catch (error) {
    if (isNoSpace(error)) return false;
    throw error;
  }
}

export interface MakerOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: string;
  readonly spoolId: string;
  readonly nextNumber: number;
}

/** Makes new segments, from a spare that was filled with zeros beforehand where there is one. */
export class SegmentMaker {
  readonly #options: MakerOptions;
  #nextNumber: number;
  #spare: Filled | undefined;

  constructor(options: MakerOptions) {
    this.#options = options;
    this.#nextNumber = options.nextNumber;
  }

  get spareBytes(): number {
    return this.#spare?.zerosTo ?? 0;
  }

  /**
   * Takes over what an earlier process prepared. Its content does not matter: a new salt makes it invalid.
   */
  async adoptSpare(bytesMax: number): Promise<void> {
    const { disk, directory } = this.#options;
    const isThere = (await disk.list(directory)).includes(SPARE_NAME);
    if (!isThere) return;
    const file = await disk.open(this.#sparePath, "write");
    const { sizeBytes } = await file.stat();
    if (sizeBytes > bytesMax) await file.truncate(bytesMax);
    this.#spare = { file, zerosTo: Math.min(sizeBytes, bytesMax) };
  }

  /** One step of filling the spare up to a size; false when there is nothing left to do or no space. */
  async fillSpare(to: number): Promise<boolean> {
    const { disk } = this.#options;
    if (this.spareBytes >= to) return false;
    this.#spare ??= { file: await disk.open(this.#sparePath, "write"), zerosTo: 0 };
    const isFilled = fillStep(this.#spare, to);
    try {
      await this.#spare.file.sync();
    } catch (error) {
      await this.#dropSpare();
      throw error;
    }
    return isFilled;
  }

  /**
   * A new segment that starts at an offset, durable with its name. In this order: header, the first group if
   * there is one, sync, rename, directory sync; so a file with a segment's name always has a header, and what
   * ends an earlier segment has what is to be read instead. Rejects if the disk does, and leaves no segment
   * then. The group is not committed.
   */
  async make(
    firstOffset: number,
    group?: PackGroup,
  ): Promise<{ readonly segment: Segment; readonly filled: Filled }> {
    const { disk, directory, clock, random, spoolId } = this.#options;
    const number = this.#nextNumber++;
    const salt = Buffer.from(random.fill(new Uint8Array(4))).readUInt32LE();
    const header = { spoolId, salt, firstOffset, number, createdAtMs: clock.nowMs() };
    const path = `${directory}/${segmentName(number)}`;
    const filled = this.#spare ?? { file: await disk.open(this.#sparePath, "write"), zerosTo: 0 };
    this.#spare = filled;
    const packed = group?.(salt, SEGMENT_HEADER_BYTES);
    try {
      writeAll(filled.file, encodeSegmentHeader(header), 0);
      if (packed) writeAll(filled.file, packed, SEGMENT_HEADER_BYTES);
      await filled.file.sync();
      await disk.rename(this.#sparePath, path);
      await syncDirectory(disk, directory);
    } catch (error) {
      await this.#dropSpare();
      // Without its directory entry synced it may or may not be there after a crash. What it has was not
      // acknowledged, or is tried again in a later segment, which ends this one at its beginning.
      await ignoreFailure(disk.remove(path));
      throw error;
    }
    this.#spare = undefined;
    filled.zerosTo = Math.max(filled.zerosTo, SEGMENT_HEADER_BYTES + (packed?.length ?? 0));
    return { segment: new Segment(header, path), filled };
  }

  async close(): Promise<void> {
    await this.#spare?.file.close();
    this.#spare = undefined;
  }

  get #sparePath(): string {
    return `${this.#options.directory}/${SPARE_NAME}`;
  }

  /** A file whose sync failed is never used again. */
  async #dropSpare(): Promise<void> {
    const spare = this.#spare;
    this.#spare = undefined;
    await ignoreFailure(spare?.file.close());
    await ignoreFailure(this.#options.disk.remove(this.#sparePath));
  }
}
