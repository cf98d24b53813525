import type { Clock, Disk } from "@sluice/sdk/internal";
import type { SegmentLog } from "./log.ts";

/** How old the volume's figure may be. Others write there too; a look takes a trip to the thread pool. */
const VOLUME_CHECK_MS = 1_000;

export interface SpaceLimits {
  readonly maxBytes: number;
  readonly minFreeBytes: number;
  /** The part of `maxBytes` that only records with FLAG_RESERVE may use. */
  readonly reserveBytes: number;
}

/** Whether there is room for more: by the spool's own limit, and by what the volume has left. */
export class Space {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #log: SegmentLog;
  readonly limits: SpaceLimits;
  #freeBytes = Number.POSITIVE_INFINITY;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #writtenSince = 0;

  constructor(disk: Disk, clock: Clock, path: string, log: SegmentLog, limits: SpaceLimits) {
    this.#disk = disk;
    this.#clock = clock;
    this.#path = path;
    this.#log = log;
    this.limits = limits;
  }

  /**
   * Why `bytes` more cannot be taken, or undefined. Records that close open runs may use the reserve and go
   * below `min_free`.
   */
  refusal(bytes: number, mayUseReserve: boolean): string | undefined {
    const { maxBytes, minFreeBytes, reserveBytes } = this.limits;
    const limit = mayUseReserve ? maxBytes : maxBytes - reserveBytes;
    if (this.#log.bytes + bytes > limit) {
      return `the spool holds ${this.#log.bytes} bytes and its limit is ${limit} (max_bytes)`;
    }
    const free = this.#freeBytes - this.#writtenSince;
    if (!mayUseReserve && free - bytes < minFreeBytes) {
      return `the volume has ${free} bytes left and ${minFreeBytes} must stay free (min_free)`;
    }
    return undefined;
  }

  get isStale(): boolean {
    const isOld = this.#clock.monotonicMs() - this.#checkedAtMs >= VOLUME_CHECK_MS;
    // An estimate that would refuse is checked first: most writes go where zeros lie already and take
    // nothing.
    return (
      isOld || (this.#writtenSince > 0 && this.#freeBytes - this.#writtenSince < this.limits.minFreeBytes)
    );
  }

  async look(): Promise<void> {
    this.#freeBytes = await this.#disk.freeBytes(this.#path);
    this.#checkedAtMs = this.#clock.monotonicMs();
    this.#writtenSince = 0;
  }

  wrote(bytes: number): void {
    this.#writtenSince += bytes;
  }
}
