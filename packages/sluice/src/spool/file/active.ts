import type { Disk, DiskFile } from "@sluice/sdk/internal";
import { ignoreFailure } from "./failures.ts";
import type { Segment, SegmentLog } from "./log.ts";
import { FILL_STEP_BYTES, type Filled, fillStep, type SegmentMaker } from "./maker.ts";
import type { Space } from "./space.ts";
import { writeAll } from "./write-all.ts";

/**
 * How far zeros are kept ahead: some seconds of a busy proxy. More would only take disk space that is not
 * used yet.
 */
const ZEROS_AHEAD_BYTES = 4 * 1024 * 1024;
/**
 * A group up to this size that runs past the zeros brings the next step of them along: the one sync that pays
 * for it saves hundreds after it. For larger groups the data itself is what takes the time, and zeros would
 * double it.
 */
const SMALL_GROUP_BYTES = 64 * 1024;

/**
 * The segment that is written to. It takes whole groups at its end; what was stored but not committed does
 * not exist for anybody. After a failure it is given up, and there is none until `replace` has made the next.
 */
export class ActiveSegment {
  readonly #log: SegmentLog;
  readonly #maker: SegmentMaker;
  readonly #disk: Disk;
  readonly #space: Space;
  readonly #segmentBytes: number;
  #segment: Segment | undefined;
  #filled: Filled | undefined;
  #hasFillFailed = false;

  constructor(log: SegmentLog, maker: SegmentMaker, disk: Disk, space: Space, segmentBytes: number) {
    this.#log = log;
    this.#maker = maker;
    this.#disk = disk;
    this.#space = space;
    this.#segmentBytes = segmentBytes;
  }

  /** Goes on in a segment that recovery has made fit for it. */
  resume(segment: Segment, file: DiskFile, sizeBytes: number): void {
    this.#segment = segment;
    this.#filled = { file, zerosTo: sizeBytes };
  }

  get salt(): number {
    return this.#segment?.header.salt ?? 0;
  }

  get position(): number {
    return this.#segment?.endPosition ?? 0;
  }

  /** An empty segment takes anything: a record that is larger than a segment gets one of its own. */
  hasRoom(bytes: number): boolean {
    if (!this.#segment) return false;
    return this.#segment.isEmpty || this.#segment.endPosition + bytes <= this.#segmentBytes;
  }

  /**
   * Ends the segment where it is durable and goes on in a new one. Rejects if the disk does; there is no
   * active segment then.
   */
  async replace(firstOffset: number): Promise<void> {
    await this.discard();
    const { segment, filled } = await this.#maker.make(firstOffset);
    this.#segment = segment;
    this.#filled = filled;
    this.#hasFillFailed = false;
    this.#log.push(segment);
  }

  /** Writes a group at the end. Throws if the disk does, and may have written a part. */
  write(group: Uint8Array): void {
    const { segment, filled } = this.#open();
    const end = segment.endPosition + group.length;
    writeAll(filled.file, group, segment.endPosition);
    if (end > filled.zerosTo) {
      filled.zerosTo = end;
      if (group.length <= SMALL_GROUP_BYTES) this.#fillWithGroup(filled);
    }
  }

  /** Makes it durable. After a failure the segment must be replaced: this file is never synced again. */
  sync(): Promise<void> {
    return this.#open().filled.file.sync();
  }

  /** The group that was stored last now exists. */
  commit(places: readonly number[], bytes: number, endOffset: number): void {
    const { segment } = this.#open();
    for (let index = 0; index < places.length; index += 2) {
      segment.mark(places[index] ?? 0, places[index + 1] ?? 0);
    }
    segment.endPosition += bytes;
    segment.endOffset = endOffset;
  }

  /**
   * Removes what a failed write has left behind the last commit. False if that fails too: then the segment
   * must be given up.
   */
  async takeBack(): Promise<boolean> {
    const { segment, filled } = this.#open();
    try {
      await filled.file.truncate(segment.endPosition);
      filled.zerosTo = segment.endPosition;
      return true;
    } catch {
      return false; // Half a group would lie where the next one goes. The caller replaces the segment.
    }
  }

  /** Gives up the segment. One that never held anything durable is removed. */
  async discard(): Promise<void> {
    const segment = this.#segment;
    await this.#giveUp();
    if (!segment?.isEmpty) return;
    this.#log.remove(segment);
    await ignoreFailure(this.#disk.remove(segment.path));
  }

  get wantsZeros(): boolean {
    return !this.#hasFillFailed && (this.#activeTarget > (this.#filled?.zerosTo ?? 0) || this.#wantsSpare);
  }

  /** One step of zeros ahead, synced. False when there are enough, or no more can be had for now. */
  async fillAhead(): Promise<boolean> {
    if (!this.wantsZeros || this.#space.refusal(FILL_STEP_BYTES, false)) return false;
    try {
      this.#space.wrote(FILL_STEP_BYTES);
      const isFilled = await this.#fillStep();
      this.#hasFillFailed = !isFilled;
      return isFilled;
    } catch {
      // The next append finds the same disk and reports it. A file whose sync failed is not used again.
      this.#hasFillFailed = true;
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#giveUp();
    await this.#maker.close();
  }

  async #fillStep(): Promise<boolean> {
    const filled = this.#filled;
    if (!filled || filled.zerosTo >= this.#activeTarget) return this.#maker.fillSpare(this.#spareTarget);
    const isFilled = fillStep(filled, this.#activeTarget);
    try {
      await filled.file.sync();
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
    return isFilled;
  }

  #fillWithGroup(filled: Filled): void {
    const target = Math.min(this.#segmentBytes, filled.zerosTo + FILL_STEP_BYTES);
    if (!this.#space.refusal(FILL_STEP_BYTES, false)) fillStep(filled, target);
  }

  get #activeTarget(): number {
    return this.#segment ? Math.min(this.#segmentBytes, this.#segment.endPosition + ZEROS_AHEAD_BYTES) : 0;
  }

  get #spareTarget(): number {
    return Math.min(this.#segmentBytes, ZEROS_AHEAD_BYTES);
  }

  /** Only when the end of the segment is near, and never beyond `max_bytes` and one segment in all. */
  get #wantsSpare(): boolean {
    const segment = this.#segment;
    if (!segment || segment.endPosition + ZEROS_AHEAD_BYTES < this.#segmentBytes) return false;
    const tailBytes = Math.max(0, (this.#filled?.zerosTo ?? 0) - segment.endPosition);
    const isWithin = this.#log.bytes + tailBytes <= this.#space.limits.maxBytes;
    return isWithin && this.#maker.spareBytes < this.#spareTarget;
  }

  #open(): { segment: Segment; filled: Filled } {
    if (!this.#segment || !this.#filled) throw new Error("There is no active segment; replace() makes one.");
    return { segment: this.#segment, filled: this.#filled };
  }

  async #giveUp(): Promise<void> {
    const filled = this.#filled;
    this.#filled = undefined;
    this.#segment = undefined;
    await ignoreFailure(filled?.file.close());
  }
}
