import { type Clock, codeOf, type Disk, type Timer } from "@sluice/sdk/internal";
import { isNoSpace } from "./failures.ts";
import type { SegmentLog } from "./log.ts";
import type { OpenFile, Place } from "./place.ts";

/** How old the volume's figure may be. Others write there too; a look takes a trip to the thread pool. */
const VOLUME_CHECK_MS = 1_000;
/** Also while nobody appends, so that health knows: a person waits 5 seconds for that. */
const WATCH_MS = 2_000;

/** What ledgers may grow by until somebody looks again. */
const LEDGER_GROWTH_BYTES_MAX = 1024 * 1024;

/** A file that is made to see whether one can be. */
const PROBE_NAME = "probe";

interface SpaceLimits {
  readonly maxBytes: number;
  readonly minFreeBytes: number;
  /** The part of `maxBytes` that only records with FLAG_RESERVE may use. */
  readonly reserveBytes: number;
  readonly segmentBytes: number;
}

export interface SpaceParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly dataDir: string;
  readonly log: SegmentLog;
  readonly place: Place;
  readonly limits: SpaceLimits;
  /** What the spool keeps beside its segments: ledgers, quarantine. */
  readonly besideBytes: () => number;
}

/**
 * Whether there is room for more: by the spool's own limit, by what the volume has left, and only where the
 * directory still is what its name says.
 *
 * Records, ledgers and quarantine take at most `maxBytes`. Zeros ahead (the tail of the active segment and
 * the spare) come on top of that, with which everything together takes at most one segment more.
 */
export class Space {
  readonly #parts: SpaceParts;
  #freeBytes = Number.POSITIVE_INFINITY;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #writtenSince = 0;
  #problem: string | undefined;
  #lacksFiles = false;
  #active: () => OpenFile | undefined = () => undefined;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;

  constructor(parts: SpaceParts) {
    this.#parts = parts;
  }

  /** Looks now and then, also when nobody appends. `active` is the file that is written to. */
  watch(active: () => OpenFile | undefined): void {
    this.#active = active;
    this.#timer = this.#parts.clock.after(WATCH_MS, async () => {
      // What cannot be asked is no news: the next append finds the same disk, and reports it.
      if (this.#isOld) await this.look().catch(() => undefined);
      if (this.#timer) this.watch(active);
    });
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#looking?.catch(() => undefined);
    await this.#parts.place.close();
  }

  /** Everything that counts against `maxBytes`. */
  get usedBytes(): number {
    return this.#parts.log.bytes + this.#parts.besideBytes();
  }

  /** Why nothing may be written at all: the directory is not where it was. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Why `bytes` more cannot be taken, or undefined. Records that close open runs may use the reserve and go
   * below `min_free`.
   */
  refusal(bytes: number, mayUseReserve: boolean): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    const { maxBytes, minFreeBytes, reserveBytes } = this.#parts.limits;
    const limit = mayUseReserve ? maxBytes : maxBytes - reserveBytes;
    const used = this.usedBytes;
    if (used + bytes > limit) {
      return `the spool holds ${used} bytes and its limit is ${limit} (max_bytes)`;
    }
    const free = this.#freeBytes - this.#writtenSince;
    if (!mayUseReserve && free - bytes < minFreeBytes) {
      return `the volume has ${free} bytes left and ${minFreeBytes} must stay free (min_free)`;
    }
    return undefined;
  }

  /** May `bytes` more zeros be written, where `aheadBytes` lie ahead already? */
  hasRoomAhead(aheadBytes: number, bytes: number): boolean {
    const { maxBytes, segmentBytes } = this.#parts.limits;
    const margin = Math.min(segmentBytes / 4, LEDGER_GROWTH_BYTES_MAX);
    const isWithin = this.usedBytes + aheadBytes + bytes <= maxBytes + segmentBytes - margin;
    return isWithin && this.refusal(bytes, false) === undefined;
  }

  get isStale(): boolean {
    const { minFreeBytes } = this.#parts.limits;
    // An estimate that would refuse is checked first: most writes go where zeros lie already and take
    // nothing.
    return this.#isOld || (this.#writtenSince > 0 && this.#freeBytes - this.#writtenSince < minFreeBytes);
  }

  /** Rejects if the disk cannot be asked. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  wrote(bytes: number): void {
    this.#writtenSince += bytes;
  }

  /** Files were removed: the volume's figure is worth another look. */
  madeRoom(): void {
    this.#checkedAtMs = Number.NEGATIVE_INFINITY;
  }

  get #isOld(): boolean {
    return this.#parts.clock.monotonicMs() - this.#checkedAtMs >= VOLUME_CHECK_MS;
  }

  /** The volume has not taken another file, as one does that has bytes left and no inodes. */
  lacksFiles(): void {
    this.#lacksFiles = true;
  }

  /** Looked at only after a file was refused: nobody else needs one. */
  async #canMakeFile(): Promise<boolean> {
    const { disk, dataDir } = this.#parts;
    if (!this.#lacksFiles) return true;
    const path = `${dataDir}/spool/${PROBE_NAME}`;
    try {
      await (await disk.open(path, "write")).close();
      await disk.remove(path);
      this.#lacksFiles = false;
      return true;
    } catch (error) {
      if (isNoSpace(error)) return false;
      throw error;
    }
  }

  async #look(): Promise<void> {
    const { disk, clock, dataDir, place } = this.#parts;
    const writtenBefore = this.#writtenSince;
    this.#problem = await place.problem(this.#active());
    if (this.#problem === undefined) {
      try {
        const freeBytes = await disk.freeBytes(dataDir);
        this.#freeBytes = (await this.#canMakeFile()) ? freeBytes : 0;
        this.#writtenSince -= writtenBefore;
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw error;
        // Moved in this very moment: the next look says so.
      }
    }
    this.#checkedAtMs = clock.monotonicMs();
  }
}
