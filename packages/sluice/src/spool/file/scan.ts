import type { DiskFile } from "@sluice/sdk/internal";
import {
  bodyLengthAt,
  intactBodyAt,
  isHeader,
  MARK_BYTES,
  offsetAt,
  RECORD_BODY_BYTES_MAX,
  RECORD_HEADER_BYTES,
  seedOf,
} from "./record.ts";

/**
 * Finding the records in a stretch of a segment, damaged or not. Everything that reads a segment comes
 * through here.
 *
 * In a sound segment each record ends where the next begins. Where that does not hold, the scan looks for the
 * next mark and believes it only if all of this is true: the header's CRC fits this segment and this
 * position; its offset is at least the one expected; it is not further ahead than the skipped bytes can have
 * held records; the body lies within the file. So damage costs the records that it touched, and nothing is
 * taken for a record that was not written here as one.
 */
export interface Stretch {
  readonly salt: number;
  /** Where in the segment the bytes begin. */
  readonly basePosition: number;
  /** Nothing lies beyond: a record that would is torn. */
  readonly endPosition: number;
  /** Records from this offset on belong to a later segment. */
  readonly limitOffset: number;
}

/** Where a scan stands: behind the last intact record that it saw. */
export interface ScanPlace {
  /** The offset that the next record must have at least. */
  expected: number;
  /** Where that record should start. */
  position: number;
}

/** Sees each intact record in order: where in the bytes, its offset, its position in the segment, its body. */
export type Visit = (view: DataView, at: number, offset: number, position: number, body: Buffer) => void;

/**
 * Visits the intact records of `bytes` from `place` on, moves `place` behind the last of them, and returns
 * how many bytes are done with. The rest starts a record that goes on beyond these bytes.
 */
export function scanBytes(bytes: Buffer, stretch: Stretch, place: ScanPlace, visit: Visit): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= bytes.length) {
    if (
      !isHeader(view, at, seedOf(stretch.salt, stretch.basePosition + at)) ||
      !fits(view, at, stretch, place)
    ) {
      at = nextMark(bytes, at + 1);
      continue;
    }
    const size = RECORD_HEADER_BYTES + bodyLengthAt(view, at);
    if (at + size > bytes.length) return at;
    const offset = offsetAt(view, at);
    if (offset >= stretch.limitOffset) return bytes.length;
    const body = intactBodyAt(bytes, view, at);
    if (body) {
      const position = stretch.basePosition + at;
      visit(view, at, offset, position, body);
      place.expected = offset + 1;
      place.position = position + size;
    }
    at += size;
  }
  return stretch.basePosition + bytes.length >= stretch.endPosition
    ? bytes.length
    : Math.min(at, bytes.length);
}

/** True if the record of the header at `at` can stand there. */
function fits(view: DataView, at: number, stretch: Stretch, place: ScanPlace): boolean {
  const position = stretch.basePosition + at;
  const ahead = offsetAt(view, at) - place.expected;
  const skippedAtMost = Math.floor((position - place.position) / RECORD_HEADER_BYTES);
  const length = bodyLengthAt(view, at);
  return (
    ahead >= 0 &&
    ahead <= skippedAtMost &&
    length <= RECORD_BODY_BYTES_MAX &&
    position + RECORD_HEADER_BYTES + length <= stretch.endPosition
  );
}

/** Where the next mark starts, or the last bytes in which one could begin. */
function nextMark(bytes: Buffer, from: number): number {
  const found = bytes.indexOf(MARK_BYTES, from);
  return found >= 0 ? found : Math.max(from, bytes.length - MARK_BYTES.length + 1);
}

/**
 * Large enough that a read costs little beside the checking, small enough to be held while a whole log is
 * scanned.
 */
const SCAN_BUFFER_BYTES = 2 * 1024 * 1024;

/** Scans files of any size through one buffer, which grows only for a record that is longer. */
export class FileScan {
  #buffer = Buffer.alloc(0);

  /**
   * Visits the intact records from `fromPosition` on. A slice of the visited bytes is good until the visit
   * returns.
   */
  async run(
    file: Pick<DiskFile, "read">,
    fromPosition: number,
    stretch: Omit<Stretch, "basePosition">,
    place: ScanPlace,
    visit: Visit,
  ): Promise<void> {
    // A small spool is opened with a small buffer.
    const wanted = Math.min(SCAN_BUFFER_BYTES, stretch.endPosition - fromPosition);
    if (this.#buffer.length < wanted) this.#buffer = Buffer.allocUnsafeSlow(wanted);
    let basePosition = fromPosition;
    let held = 0;
    while (basePosition + held < stretch.endPosition) {
      const room = Math.min(this.#buffer.length, stretch.endPosition - basePosition);
      const count = await file.read(this.#buffer.subarray(held, room), basePosition + held);
      if (count === 0) return;
      held += count;
      const used = scanBytes(this.#buffer.subarray(0, held), { ...stretch, basePosition }, place, visit);
      this.#buffer.copyWithin(0, used, held);
      basePosition += used;
      held -= used;
      if (held === this.#buffer.length) this.#grow(held);
    }
  }

  #grow(held: number): void {
    const larger = Buffer.allocUnsafeSlow(this.#buffer.length * 2);
    this.#buffer.copy(larger, 0, 0, held);
    this.#buffer = larger;
  }
}
