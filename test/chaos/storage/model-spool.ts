import type { AppendOutcome, NewRecord } from "../../../packages/sluice/src/spool/spool.ts";

export const SEGMENT_BYTES = 8 * 1024;
const SEGMENT_HEADER_BYTES = 1024;
const RECORD_HEADER_BYTES = 64;

export interface ModelRecord {
  readonly offset: number;
  readonly record: NewRecord;
  isDamaged: boolean;
}

interface ModelSegment {
  readonly firstOffset: number;
  readonly records: ModelRecord[];
}

/**
 * What a spool is, as simply as it can be said: records in segments, in memory. It follows the same rules of
 * when a segment is full, so that counts, contents and sizes can be compared after every step.
 */
export class ModelSpool {
  segments: ModelSegment[] = [];
  nextOffset = 0;
  damaged = 0;
  /** The last append was refused: until the next one a power cut may bring parts of it back. */
  hasRefused = false;
  #active: ModelSegment | undefined;
  /** False where a fault or a crash decides where segments begin: then the spool is asked, once. */
  #isSure = true;

  get firstOffset(): number {
    return this.segments[0]?.firstOffset ?? this.nextOffset;
  }

  /** What can be read, in order. */
  get records(): readonly ModelRecord[] {
    return this.segments.flatMap(({ records }) => records.filter(({ isDamaged }) => !isDamaged));
  }

  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + endOf(segment), 0);
  }

  /** What each segment's file holds, damaged records too, without zeros. */
  get fileBytes(): readonly number[] {
    return this.segments.map(({ records }) => sizeOfAll(records));
  }

  /** The outcomes that an append must have, and their effect. */
  append(given: readonly NewRecord[]): AppendOutcome[] {
    const outcomes: AppendOutcome[] = [];
    while (outcomes.length < given.length) {
      const next = given[outcomes.length];
      if (next && !this.#hasRoom(sizeOf(next))) this.#rotate();
      this.#appendGroup(given, outcomes);
    }
    return outcomes;
  }

  /** The same where it is not known whether it is stored, and where segments begin. */
  appendUnsure(given: readonly NewRecord[], outcomes: readonly AppendOutcome[]): void {
    this.#isSure = false;
    for (const [index, record] of given.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status === "appended") this.#push(record);
    }
    this.hasRefused = outcomes.some(({ status }) => status === "failed");
  }

  known(id: string): ModelRecord | undefined {
    return this.records.findLast(({ record }) => record.id === id);
  }

  trim(before: number): void {
    const gone = this.segments.slice(0, -1).filter((_, index) => {
      const next = this.segments[index + 1];
      return next !== undefined && next.firstOffset <= before && this.#endOffsetOf(index) <= before;
    });
    this.segments = this.segments.slice(gone.length);
  }

  /** Whoever opens it goes on in the last segment if nothing is missing behind it. */
  reopen(): void {
    const last = this.segments.at(-1);
    const isWhole = last !== undefined && !(last.records.at(-1)?.isDamaged ?? false);
    this.#active = isWhole ? last : undefined;
  }

  damage(record: ModelRecord): void {
    record.isDamaged = true;
    this.damaged++;
    this.#isSure = false;
  }

  /**
   * After a crash: of what was being appended (`given`, in order, known ones left out) any part may be there;
   * what is missing in front of what is there counts as lost.
   */
  adopt(given: readonly NewRecord[], isThere: (offset: number) => boolean, nextOffset: number): void {
    this.#isSure = false;
    for (const record of given.slice(0, nextOffset - this.nextOffset)) {
      const isDamaged = !isThere(this.nextOffset);
      this.#push(record);
      if (isDamaged) this.#damageNewest();
    }
  }

  /** Takes over where the spool's segments begin, if that could not be foreseen. */
  learn(firstOffsets: readonly number[]): void {
    if (this.#isSure) return;
    const all = this.segments.flatMap(({ records }) => records);
    this.segments = firstOffsets.map((firstOffset, index) => {
      const end = firstOffsets[index + 1] ?? Number.POSITIVE_INFINITY;
      return { firstOffset, records: all.filter(({ offset }) => offset >= firstOffset && offset < end) };
    });
    this.#active = this.segments.at(-1);
  }

  /** A plain append has just gone into the segment that was learnt, so from here on it is known. */
  isSureAgain(): void {
    this.#isSure = true;
  }

  get isSure(): boolean {
    return this.#isSure;
  }

  #appendGroup(given: readonly NewRecord[], outcomes: AppendOutcome[]): void {
    let groupBytes = 0;
    for (let record = given[outcomes.length]; record; record = given[outcomes.length]) {
      const known = this.known(record.id);
      if (known) {
        const isSame = known.record.received.crc === record.received.crc;
        outcomes.push({ status: isSame ? "duplicate" : "conflict", offset: known.offset });
        continue;
      }
      const size = sizeOf(record);
      const fits = groupBytes === 0 || groupBytes + size <= SEGMENT_BYTES;
      if (!fits || !this.#hasRoom(size, groupBytes)) return;
      groupBytes += size;
      outcomes.push({ status: "appended", offset: this.#push(record) });
    }
  }

  /** A segment that was empty when a group began takes the whole group. */
  #hasRoom(size: number, groupBytes = 0): boolean {
    const active = this.#active;
    if (!active) return false;
    const end = endOf(active);
    return end - groupBytes === SEGMENT_HEADER_BYTES || end + size <= SEGMENT_BYTES;
  }

  #rotate(): void {
    if (this.#active?.records.length === 0) this.segments.pop();
    this.#active = { firstOffset: this.nextOffset, records: [] };
    this.segments.push(this.#active);
  }

  #push(record: NewRecord): number {
    const offset = this.nextOffset++;
    this.#last().records.push({ offset, record, isDamaged: false });
    return offset;
  }

  #damageNewest(): void {
    const newest = this.#last().records.at(-1);
    if (newest) this.damage(newest);
  }

  #last(): ModelSegment {
    const last = this.segments.at(-1);
    if (last) return last;
    const first = { firstOffset: this.nextOffset, records: [] };
    this.segments.push(first);
    return first;
  }

  #endOffsetOf(index: number): number {
    const segment = this.segments[index];
    const last = segment?.records.findLast(({ isDamaged }) => !isDamaged);
    return last ? last.offset + 1 : (segment?.firstOffset ?? 0);
  }
}

function endOf({ records }: ModelSegment): number {
  const last = records.findLastIndex(({ isDamaged }) => !isDamaged);
  return sizeOfAll(records.slice(0, last + 1));
}

function sizeOfAll(records: readonly ModelRecord[]): number {
  return records.reduce((sum, { record }) => sum + sizeOf(record), SEGMENT_HEADER_BYTES);
}

function sizeOf({ body }: NewRecord): number {
  return RECORD_HEADER_BYTES + body.length;
}
