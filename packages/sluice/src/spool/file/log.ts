import type { SegmentHeader } from "./segment.ts";
import { SEGMENT_HEADER_BYTES } from "./segment.ts";

/**
 * How far apart the marks of the sparse index are. A read starts at a mark, so this is also what one read
 * brings in.
 */
const MARK_SPACING_BYTES = 128 * 1024;

/**
 * One segment, as far as it is durable: what lies beyond `endPosition` in its file does not exist for
 * anybody.
 */
export class Segment {
  readonly header: SegmentHeader;
  readonly path: string;
  endOffset: number;
  endPosition = SEGMENT_HEADER_BYTES;
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

  get isEmpty(): boolean {
    return this.endPosition === SEGMENT_HEADER_BYTES;
  }

  /** A record at `position` gets a mark if the last one is far enough behind. */
  mark(offset: number, position: number): void {
    const last = this.markPositions.at(-1);
    if (last !== undefined && position - last < MARK_SPACING_BYTES) return;
    this.markOffsets.push(offset);
    this.markPositions.push(position);
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

  /** What headers and records take. Zeros written ahead are not counted: they are at most one segment. */
  get bytes(): number {
    return this.#sealedBytes + (this.#segments.at(-1)?.endPosition ?? 0);
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
    this.#sealedBytes = this.#segments.slice(0, -1).reduce((sum, segment) => sum + segment.endPosition, 0);
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
