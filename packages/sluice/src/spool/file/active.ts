import type { Disk, DiskFile } from "@sluice/sdk/internal";
import { ignoreFailure, isNoSpace } from "./failures.ts";
import type { Segment, SegmentLog } from "./log.ts";
import { FILL_STEP_BYTES, type Filled, fillStep, type PackGroup, type SegmentMaker } from "./maker.ts";
import type { OpenFile } from "./place.ts";
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
  /** How far a group may have been written that is not committed; 0 if there is none. */
  #reachedTo = 0;

  constructor(log: SegmentLog, maker: SegmentMaker, disk: Disk, space: Space, segmentBytes: number) {
    this.#log = log;
    this.#maker = maker;
    this.#disk = disk;
    this.#space = space;
    this.#segmentBytes = segmentBytes;
  }

  /** Goes on in a segment that recovery has made fit for it. */
  resume(segment: Segment, file: DiskFile, sizeBytes: number): void {
    segment.leftoverBytes = 0;
    this.#segment = segment;
    this.#filled = { file, zerosTo: sizeBytes };
  }

  get salt(): number {
    return this.#segment?.header.salt ?? 0;
  }

  get position(): number {
    return this.#segment?.endPosition ?? 0;
  }

  get isOpen(): boolean {
    return this.#segment !== undefined;
  }

  /** An empty segment takes anything: a record that is larger than a segment gets one of its own. */
  hasRoom(bytes: number): boolean {
    if (!this.#segment) return false;
    return this.#segment.isEmpty || this.#segment.endPosition + bytes <= this.#segmentBytes;
  }

  /**
   * Ends the segment where it is durable and goes on in a new one, which begins with a group if there is one
   * to move: it is there with the new segment or not at all, and until then the old file still has what a
   * process that is killed must not lose. Rejects if the disk does; there is no active segment then.
   */
  async replace(firstOffset: number, group?: PackGroup): Promise<void> {
    // A volume that cannot be asked is no reason to stay.
    await ignoreFailure(this.#space.look());
    if (this.#space.problem !== undefined) throw new Error(this.#space.problem);
    await this.#cutOff();
    await this.#giveUp();
    const before = this.#log.segments.at(-1);
    const { segment, filled } = await this.#make(firstOffset, group);
    this.#segment = segment;
    this.#filled = filled;
    this.#hasFillFailed = false;
    if (before?.isEmpty) this.#log.remove(before);
    this.#log.push(segment);
    if (before?.isEmpty) await ignoreFailure(this.#disk.remove(before.path));
  }

  async #make(firstOffset: number, group: PackGroup | undefined): ReturnType<SegmentMaker["make"]> {
    try {
      return await this.#maker.make(firstOffset, group);
    } catch (error) {
      if (isNoSpace(error)) this.#space.lacksFiles();
      throw error;
    }
  }

  /**
   * Writes a part of a group at the end, behind the bytes of it that were written before. Throws if the disk
   * does, and may have written some of it.
   */
  write(part: Uint8Array, behindBytes: number): void {
    const { segment, filled } = this.#open();
    const position = segment.endPosition + behindBytes;
    const end = position + part.length;
    this.#reachedTo = end;
    writeAll(filled.file, part, position);
    if (end > filled.zerosTo) {
      filled.zerosTo = end;
      if (part.length <= SMALL_GROUP_BYTES) this.#fillWithGroup(filled);
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
    this.#reachedTo = 0;
  }

  /**
   * Removes what a failed write has left behind the bytes of the group that were written before. False if
   * that fails too: then the segment must be given up.
   */
  async takeBack(behindBytes: number): Promise<boolean> {
    const { segment, filled } = this.#open();
    const end = segment.endPosition + behindBytes;
    try {
      await filled.file.truncate(end);
      filled.zerosTo = end;
      if (behindBytes === 0) this.#reachedTo = 0;
      return true;
    } catch {
      return false; // Half a part would lie where the next one goes. The caller replaces the segment.
    }
  }

  /** The file that is written to, and its name. */
  get openFile(): OpenFile | undefined {
    return this.#segment && this.#filled && { path: this.#segment.path, file: this.#filled.file };
  }

  /**
   * Zeros behind the last record are of no more use, and would take a part of every segment. A file that has
   * failed is not touched again.
   */
  async #cutOff(): Promise<void> {
    const segment = this.#segment;
    const filled = this.#filled;
    if (!segment || !filled || segment.isEmpty || this.#reachedTo > 0) return;
    await ignoreFailure(
      filled.file.truncate(segment.endPosition).then(() => {
        filled.zerosTo = segment.endPosition;
      }),
    );
  }

  get wantsZeros(): boolean {
    return !this.#hasFillFailed && (this.#activeTarget > (this.#filled?.zerosTo ?? 0) || this.#wantsSpare);
  }

  /** One step of zeros ahead, synced. False when there are enough, or no more can be had for now. */
  async fillAhead(): Promise<boolean> {
    if (!this.wantsZeros || !this.#hasRoomAhead) return false;
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
    if (!filled || filled.zerosTo >= this.#activeTarget) return this.#fillSpare();
    const isFilled = fillStep(filled, this.#activeTarget);
    try {
      await filled.file.sync();
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
    return isFilled;
  }

  /** A new file must not come to lie in a directory that somebody has put in the place of ours. */
  async #fillSpare(): Promise<boolean> {
    if (this.#maker.spareBytes === 0) await this.#space.look();
    return this.#space.problem === undefined && this.#maker.fillSpare(this.#spareTarget);
  }

  #fillWithGroup(filled: Filled): void {
    const target = Math.min(this.#segmentBytes, filled.zerosTo + FILL_STEP_BYTES);
    if (this.#hasRoomAhead) fillStep(filled, target);
  }

  get #hasRoomAhead(): boolean {
    const tailBytes = Math.max(0, (this.#filled?.zerosTo ?? 0) - this.position);
    return this.#space.hasRoomAhead(tailBytes + this.#maker.spareBytes, FILL_STEP_BYTES);
  }

  get #activeTarget(): number {
    return this.#segment ? Math.min(this.#segmentBytes, this.#segment.endPosition + ZEROS_AHEAD_BYTES) : 0;
  }

  get #spareTarget(): number {
    return Math.min(this.#segmentBytes, ZEROS_AHEAD_BYTES);
  }

  /** Only when the end of the segment is near. */
  get #wantsSpare(): boolean {
    const segment = this.#segment;
    if (!segment || segment.endPosition + ZEROS_AHEAD_BYTES < this.#segmentBytes) return false;
    return this.#maker.spareBytes < this.#spareTarget;
  }

  #open(): { segment: Segment; filled: Filled } {
    if (!this.#segment || !this.#filled) throw new Error("There is no active segment; replace() makes one.");
    return { segment: this.#segment, filled: this.#filled };
  }

  async #giveUp(): Promise<void> {
    const filled = this.#filled;
    if (filled && this.#segment) {
      const reachedTo = Math.max(filled.zerosTo, this.#reachedTo);
      this.#segment.leftoverBytes = Math.max(0, reachedTo - this.#segment.endPosition);
    }
    this.#reachedTo = 0;
    this.#filled = undefined;
    this.#segment = undefined;
    await ignoreFailure(filled?.file.close());
  }
}
