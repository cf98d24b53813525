import type { Disk } from "@sluice/sdk/internal";
import type { ReadLimit, SpoolRecord } from "../spool.ts";
import type { StoredRecord } from "../stored-record.ts";
import type { Waiting } from "../waiting.ts";
import { type Block, BlockCache } from "./blocks.ts";
import type { Damage } from "./damage.ts";
import { lastAtMost, type Segment, type SegmentLog } from "./log.ts";
import { ReadFiles } from "./read-files.ts";
import type { Tail } from "./tail.ts";
import { takeRecords } from "./take.ts";

/** What is read while what was read before is used. A usual read brings in about one. */
const BLOCKS_AHEAD = 2;
/** What several blocks may take at once. A larger one holds a record that is larger than usual. */
const SMALL_BLOCK_BYTES = 1024 * 1024;

/**
 * Reads durable records in order, for any number of readers at once: the newest from memory (tail.ts), older
 * ones from their segments.
 */
export class Reader {
  readonly #log: SegmentLog;
  readonly #waiting: Waiting;
  readonly #tail: Tail | undefined;
  readonly #files: ReadFiles;
  readonly #blocks: BlockCache;
  readonly #closed = new AbortController();
  #loading: Promise<void> = Promise.resolve();

  constructor(disk: Disk, log: SegmentLog, damage: Damage, waiting: Waiting, tail?: Tail) {
    this.#log = log;
    this.#waiting = waiting;
    this.#tail = tail;
    this.#files = new ReadFiles(disk);
    this.#blocks = new BlockCache(damage);
  }

  /** See `Spool.read`. Rejects if the disk cannot be read; the same call may succeed later. */
  async read(from: number, limit: ReadLimit, signal: AbortSignal): Promise<readonly SpoolRecord[]> {
    let at = from;
    while (!signal.aborted && !this.#closed.signal.aborted) {
      const taken: StoredRecord[] = [];
      if (!this.#tail?.take(at, taken, limit)) at = await this.#collect(at, taken, limit);
      if (taken.length > 0) return taken;
      if (at >= this.#log.nextOffset) await this.#waiting.wait(signal);
    }
    return [];
  }

  /** The same for what is there now: an empty list if there is nothing more. */
  async readThere(from: number, limit: ReadLimit): Promise<readonly SpoolRecord[]> {
    const taken: StoredRecord[] = [];
    let at = from;
    while (taken.length === 0 && at < this.#log.nextOffset) at = await this.#collect(at, taken, limit);
    return taken;
  }

  /** Ends all waiting reads with an empty list. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#waiting.wake();
    await this.#files.close();
  }

  async forget(segment: Segment): Promise<void> {
    this.#blocks.forget(segment);
    await this.#files.forget(segment);
  }

  /** Adds records from `from` on and returns where to go on; nothing is added where everything was lost. */
  async #collect(from: number, taken: StoredRecord[], limit: ReadLimit): Promise<number> {
    let at = from;
    while (taken.length < limit.records) {
      const block = this.#blockFor(at);
      if (!block) return Math.max(at, this.#log.nextOffset);
      try {
        await this.#load(block);
      } catch (error) {
        // Trimmed while it was being read: what comes behind it is meant now.
        if (!this.#log.segments.includes(block.segment)) continue;
        throw error;
      }
      if (limit.records > 1) this.#readAhead(block);
      this.#blocks.shrink();
      const first = lastAtMost(block.records, at - 1, (record) => record.offset) + 1;
      const next = block.records[takeRecords(block.records, first, taken, limit)];
      if (next) return next.offset;
      // Not the segment's end: it may have grown since the block was loaded.
      at = Math.max(at, block.loadedTo);
    }
    return at;
  }

  /**
   * Whoever wants many records comes for the blocks behind this one next: they are read while it uses what it
   * has. A trip to the thread pool for each block, one after the other, takes longer than all the rest.
   */
  #readAhead({ segment, mark }: Block): void {
    let next = mark;
    for (let count = 0; count < BLOCKS_AHEAD; count++) {
      next = segment.blockAfter(next);
      if (next >= segment.markPositions.length) return;
      const block = this.#blocks.take(segment, next);
      if (block.unreadBytes > SMALL_BLOCK_BYTES) return;
      // If it cannot be read, it is tried again when its turn comes, and told then.
      block.load(this.#files).catch(() => {});
    }
  }

  /**
   * Large blocks one at a time: one is as large as the largest record, and there is no bound on how many
   * routes read.
   */
  async #load(block: Block): Promise<void> {
    if (block.unreadBytes <= SMALL_BLOCK_BYTES) return block.load(this.#files);
    const loaded = this.#loading.then(() => block.load(this.#files));
    // Whoever waits for this block hears of it; the next one has its own luck.
    this.#loading = loaded.catch(() => {});
    await loaded;
  }

  #blockFor(offset: number): Block | undefined {
    const segment = this.#log.find(offset);
    return segment && this.#blocks.take(segment, segment.blockOf(offset));
  }
}
