import type { ReadLimit } from "../spool.ts";
import { RECORD_BYTES, type StoredRecord } from "../stored-record.ts";
import { takeRecords } from "./take.ts";

/**
 * What the newest records may keep in memory: some ten thousand events, the burst that an application emits
 * while its backend takes a breath. Whoever falls further behind reads from the disk.
 */
const TAIL_BYTES_MAX = 32 * 1024 * 1024;
/**
 * A body is kept as it was handed over if little else stays in memory with it; a slice of a larger buffer is
 * copied.
 */
const SHARED_BUFFER_BYTES_MAX = 128 * 1024;
/** How many forgotten records may wait until the list is cut. */
const CUT_AT = 1_024;

/**
 * The newest durable records, without gaps between their offsets: routes that keep up are served from here,
 * all of them with the same objects, and nothing has to be read back and checked. Records come in when their
 * group is durable, never before. While nobody reads, nothing is kept.
 */
export class Tail {
  readonly #bytesMax: number;
  #records: StoredRecord[] = [];
  #costs: number[] = [];
  #start = 0;
  #bytes = 0;
  /** What came in since a reader was here last. */
  #unseenBytes = 0;
  #lastBuffer: ArrayBufferLike | undefined;

  constructor(bytesMax = TAIL_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Takes in a group that has become durable. */
  push(records: readonly StoredRecord[]): void {
    // A reader that comes now is too late for the older ones in any case.
    if (this.#unseenBytes > this.#bytesMax) {
      this.#drop(this.#records.length);
      return;
    }
    for (const record of records) {
      const cost = this.#costOf(record);
      this.#records.push(record);
      this.#costs.push(cost);
      this.#bytes += cost;
      this.#unseenBytes += cost;
    }
    this.#shrink();
  }

  /** Adds its records from `offset` on, in order, as far as the limit goes; false if it does not hold that one. */
  take(offset: number, taken: StoredRecord[], limit: ReadLimit): boolean {
    this.#unseenBytes = 0;
    const first = this.#records[this.#start];
    if (!first || offset < first.offset) return false;
    const from = this.#start + offset - first.offset;
    takeRecords(this.#records, from, taken, limit);
    return from < this.#records.length;
  }

  /** Forgets what was trimmed away. */
  dropBelow(offset: number): void {
    const first = this.#records[this.#start];
    if (first && first.offset < offset) this.#drop(this.#start + offset - first.offset);
  }

  /** Neighbours often share a buffer, which is counted with the first of them. */
  #costOf({ body }: StoredRecord): number {
    const { buffer } = body;
    if (buffer === this.#lastBuffer) return RECORD_BYTES;
    this.#lastBuffer = buffer;
    return RECORD_BYTES + buffer.byteLength;
  }

  #shrink(): void {
    let start = this.#start;
    let bytes = this.#bytes;
    while (bytes > this.#bytesMax) bytes -= this.#costs[start++] ?? 0;
    this.#drop(start);
  }

  /** Forgets the records before an index. */
  #drop(before: number): void {
    const start = Math.min(before, this.#records.length);
    for (; this.#start < start; this.#start++) this.#bytes -= this.#costs[this.#start] ?? 0;
    const isEmpty = start === this.#records.length;
    if (isEmpty) this.#lastBuffer = undefined;
    if (this.#start < CUT_AT && !isEmpty) return;
    this.#records = this.#records.slice(start);
    this.#costs = this.#costs.slice(start);
    this.#start = 0;
  }
}

/** The body as it may stay in memory for as long as somebody holds its record. */
export function keptBody(body: Uint8Array): Uint8Array {
  const { byteLength } = body.buffer;
  const isShared = byteLength > SHARED_BUFFER_BYTES_MAX && body.length * 2 < byteLength;
  return isShared ? Buffer.from(body) : body;
}
