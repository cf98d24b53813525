import type { SegmentHeader } from "./segment.ts";
import { SEGMENT_HEADER_BYTES } from "./segment.ts";

/** How far apart the marks of the sparse index are: as exactly as a position is known without reading. */
const MARK_SPACING_BYTES = 128 * 1024;
/**
 * About what one read brings in: the records whose marks lie in the same stretch of the file. A trip to the
 * thread pool costs as much as checking a hundred events, so with 128 KiB the trips were most of the time;
 * with far more than this, routes that are behind in many places would push each other out of the cache.
 */
const BLOCK_BYTES = 512 * 1024;

/**
 * One segment, as far as it is durable: what lies beyond `endPosition` in its file does not exist for
 * anybody.
 */
export class Segment {
  readonly header: SegmentHeader;
  readonly path: string;
  endOffset: number;
  endPosition = SEGMENT_HEADER_BYTES;
  /** Known once nothing is written to it any more. */
  leftoverBytes = 0;
  /**
   * The sparse index: every so many bytes, a record's offset and where it starts. Parallel, so that a search
   * touches numbers only.
   */
  readonly markOffsets: number[] = [];
  readonly markPositions: number[] = [];

  constructor(header: SegmentHeader, path: string) {
    this.header = header;
    this.path = path;
    this.endOffset = header.firstOffset;
  }

  /** What its file takes: records, and what a failed write or zeros ahead have left behind them. */
  get fileBytes(): number {
    return this.endPosition + this.leftoverBytes;
  }

  get isEmpty(): boolean {
    return this.endPosition === SEGMENT_HEADER_BYTES;
  }

  /** About where the record at `offset` begins: exact at a mark, by the average record between two. */
  positionOf(offset: number): number {
    if (offset >= this.endOffset) return this.endPosition;
    const index = lastAtMost(this.markOffsets, offset, (each) => each);
    const fromOffset = this.markOffsets[index] ?? this.header.firstOffset;
    const fromPosition = this.markPositions[index] ?? SEGMENT_HEADER_BYTES;
    const toOffset = this.markOffsets[index + 1] ?? this.endOffset;
    const toPosition = this.markPositions[index + 1] ?? this.endPosition;
    const share = Math.max(0, offset - fromOffset) / (toOffset - fromOffset);
    return Math.floor(fromPosition + share * (toPosition - fromPosition));
  }

  /** A record at `position` gets a mark if the last one is far enough behind. */
  mark(offset: number, position: number): void {
    const last = this.markPositions.at(-1);
    if (last !== undefined && position - last < MARK_SPACING_BYTES) return;
    this.markOffsets.push(offset);
    this.markPositions.push(position);
  }

  /** The mark at which the block of records that holds `offset` begins. */
  blockOf(offset: number): number {
    let mark = Math.max(
      0,
      lastAtMost(this.markOffsets, offset, (first) => first),
    );
    while (mark > 0 && this.#stretchOf(mark - 1) === this.#stretchOf(mark)) mark--;
    return mark;
  }

  /** The mark at which the block behind the one at `mark` begins: the count of marks if there is none yet. */
  blockAfter(mark: number): number {
    let next = mark + 1;
    while (next < this.markPositions.length && this.#stretchOf(next) === this.#stretchOf(mark)) next++;
    return next;
  }

  #stretchOf(mark: number): number {
    return Math.floor((this.markPositions[mark] ?? 0) / BLOCK_BYTES);
  }
}

/** The segments of a spool in the order of their offsets, and what a reader may see of them. */
export class SegmentLog {
  #segments: Segment[];
  #sealedBytes = 0;
  /** The offset that the next record gets; everything below is durable, or lost. */
  nextOffset: number;

  constructor(segments: readonly Segment[], nextOffset: number) {
    this.#segments = [...segments];
    this.nextOffset = nextOffset;
    this.#countSealed();
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get firstOffset(): number {
    return this.#segments[0]?.header.firstOffset ?? this.nextOffset;
  }

  /**
   * What the segments take. Of the one that is written to, zeros ahead are not counted: see active.ts for
   * their limit.
   */
  get bytes(): number {
    return this.#sealedBytes + (this.#segments.at(-1)?.fileBytes ?? 0);
  }

  /** About how many bytes the records from `offset` on take. */
  bytesFrom(offset: number): number {
    const from = Math.max(
      0,
      lastAtMost(this.#segments, offset, ({ header }) => header.firstOffset),
    );
    let bytes = -(this.#segments[from]?.positionOf(offset) ?? 0);
    for (let index = from; index < this.#segments.length; index++) {
      bytes += this.#segments[index]?.endPosition ?? 0;
    }
    return bytes;
  }

  /** Where to trim for at least `bytes` to come back. The segment that is written to stays. */
  offsetToFree(bytes: number): number {
    let freed = 0;
    for (const [index, { header, fileBytes }] of this.#segments.entries()) {
      if (freed >= bytes || index === this.#segments.length - 1) return header.firstOffset;
      freed += fileBytes;
    }
    return this.nextOffset;
  }

  push(segment: Segment): void {
    this.#segments.push(segment);
    this.#countSealed();
  }

  remove(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment);
    this.#countSealed();
  }

  #countSealed(): void {
    this.#sealedBytes = this.#segments.slice(0, -1).reduce((sum, segment) => sum + segment.fileBytes, 0);
  }

  /** The segment that holds `offset`, or the first behind it that holds anything. */
  find(offset: number): Segment | undefined {
    const from = Math.max(
      0,
      lastAtMost(this.#segments, offset, (segment) => segment.header.firstOffset),
    );
    for (let index = from; index < this.#segments.length; index++) {
      const segment = this.#segments[index];
      if (segment && segment.endOffset > offset) return segment;
    }
    return undefined;
  }
}

/** The index of the last entry whose rank is not above `limit`, or -1. The ranks rise. */
export function lastAtMost<Entry>(
  entries: readonly Entry[],
  limit: number,
  rankOf: (entry: Entry) => number,
): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && rankOf(entry) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
