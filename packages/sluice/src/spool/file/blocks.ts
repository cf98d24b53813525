import { RECORD_BYTES, type StoredRecord } from "../stored-record.ts";
import type { Damage } from "./damage.ts";
import type { Segment } from "./log.ts";
import type { ReadFiles } from "./read-files.ts";
import { recordAt } from "./record.ts";
import { scanBytes, type Visit } from "./scan.ts";

/**
 * The records from a mark of a segment to the first of the next block (log.ts). Routes read near the tail and
 * near each other, so blocks are shared: each byte is read and checked once, each event is decoded once. The
 * last block of a segment grows as the segment does.
 */
export class Block {
  readonly segment: Segment;
  readonly mark: number;
  readonly records: StoredRecord[] = [];
  readonly #damage: Damage;
  #readTo: number;
  #expected: number;
  #readBytes = 0;
  #loading: Promise<void> | undefined;

  constructor(segment: Segment, mark: number, damage: Damage) {
    this.segment = segment;
    this.mark = mark;
    this.#damage = damage;
    this.#readTo = segment.markPositions[mark] ?? segment.endPosition;
    this.#expected = segment.markOffsets[mark] ?? segment.endOffset;
  }

  /** What it keeps in memory. */
  get bytes(): number {
    return this.#readBytes + this.records.length * RECORD_BYTES;
  }

  /** What a load would bring in: what has become durable since the last one. */
  get unreadBytes(): number {
    return Math.max(0, this.#endPosition - this.#readTo);
  }

  /** The offset behind what was loaded. */
  get loadedTo(): number {
    return this.#expected;
  }

  /**
   * Brings in what has become durable since. Rejects if the disk cannot be read; the next call tries again.
   */
  async load(files: ReadFiles): Promise<void> {
    while (this.#readTo < this.#endPosition) {
      this.#loading ??= this.#read(files).finally(() => {
        this.#loading = undefined;
      });
      await this.#loading;
    }
  }

  async #read(files: ReadFiles): Promise<void> {
    const endPosition = this.#endPosition;
    const endOffset = this.#endOffset;
    const bytes = Buffer.allocUnsafe(endPosition - this.#readTo);
    const count = await files.read(this.segment, bytes, this.#readTo);
    const stretch = {
      salt: this.segment.header.salt,
      basePosition: this.#readTo,
      endPosition,
      limitOffset: endOffset,
    };
    const place = { expected: this.#expected, position: this.#readTo };
    this.#readBytes += bytes.length;
    scanBytes(bytes.subarray(0, count), stretch, place, this.#see);
    this.#damage.add(this.#expected, endOffset);
    this.#readTo = endPosition;
    this.#expected = endOffset;
  }

  /** One closure for the life of the block: see take.ts. */
  readonly #see: Visit = (view, at, offset, _position, body) => {
    this.#damage.add(this.#expected, offset);
    this.#expected = offset + 1;
    this.records.push(recordAt(view, at, offset, body));
  };

  get #endPosition(): number {
    return this.segment.markPositions[this.#endMark] ?? this.segment.endPosition;
  }

  get #endOffset(): number {
    return this.segment.markOffsets[this.#endMark] ?? this.segment.endOffset;
  }

  get #endMark(): number {
    return this.segment.blockAfter(this.mark);
  }
}

/**
 * What all routes together may keep in memory of what they have read back. Only those that are behind read
 * at all (tail.ts), each within a few blocks. Records that somebody still holds live on.
 */
const CACHE_BYTES_MAX = 16 * 1024 * 1024;

/** The blocks that were used last. */
export class BlockCache {
  readonly #blocks = new Map<Segment, Map<number, Block>>();
  readonly #recent = new Set<Block>();
  readonly #damage: Damage;
  readonly #bytesMax: number;

  constructor(damage: Damage, bytesMax = CACHE_BYTES_MAX) {
    this.#damage = damage;
    this.#bytesMax = bytesMax;
  }

  take(segment: Segment, mark: number): Block {
    const ofSegment = this.#blocks.get(segment) ?? new Map<number, Block>();
    const block = ofSegment.get(mark) ?? new Block(segment, mark, this.#damage);
    this.#blocks.set(segment, ofSegment);
    ofSegment.set(mark, block);
    this.#recent.delete(block);
    this.#recent.add(block);
    return block;
  }

  /** Lets the blocks go that were not used for longest. */
  shrink(): void {
    let bytes = 0;
    for (const block of this.#recent) bytes += block.bytes;
    for (const block of this.#recent) {
      if (bytes <= this.#bytesMax) return;
      bytes -= block.bytes;
      this.#drop(block);
    }
  }

  forget(segment: Segment): void {
    for (const block of this.#blocks.get(segment)?.values() ?? []) this.#recent.delete(block);
    this.#blocks.delete(segment);
  }

  #drop(block: Block): void {
    this.#recent.delete(block);
    const ofSegment = this.#blocks.get(block.segment);
    ofSegment?.delete(block.mark);
    if (ofSegment?.size === 0) this.#blocks.delete(block.segment);
  }
}
