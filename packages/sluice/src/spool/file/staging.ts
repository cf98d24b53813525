import type { NewRecord } from "../spool.ts";
import type { StoredRecord } from "../stored-record.ts";
import { bodyLengthAt, Packed, RECORD_HEADER_BYTES, seedOf } from "./record.ts";

/**
 * What one write and one sync take at most. At 2 KiB an event this is some 4,000 events: beyond that a sync
 * is no longer what takes the time. It is also what a crash can leave half-written, so recovery looks back
 * this far.
 */
export const GROUP_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Packs the records of a group, headers and bodies, into one buffer that is used again for every group: a
 * fresh one each time costs more in page faults than everything else together (measured: 1.6 times). A record
 * that is larger gets its own.
 */
export class Staging {
  readonly #reused: Packed;
  #buffer: Packed;
  #salt = 0;
  #position = 0;
  #bytes = 0;
  #records: StoredRecord[] = [];

  constructor(bytesMax = GROUP_BYTES_MAX) {
    this.#reused = new Packed(bytesMax);
    this.#buffer = this.#reused;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The group as readers will see it, once it is durable. */
  get records(): readonly StoredRecord[] {
    return this.#records;
  }

  /** Nothing more has room. */
  get isFull(): boolean {
    return this.#bytes >= this.#reused.bytes.length;
  }

  /** The packed group from one of its records on. Good until the next `begin`. */
  packed(from = 0): Uint8Array {
    return this.#buffer.bytes.subarray(from, this.#bytes);
  }

  /** Starts a group that will be written at a position of a segment. */
  begin(salt: number, position: number): void {
    this.#buffer = this.#reused;
    this.#salt = salt;
    this.#position = position;
    this.#bytes = 0;
    this.#records = [];
  }

  hasRoom(record: NewRecord): boolean {
    return this.#bytes === 0 || this.#bytes + sizeOf(record) <= this.#buffer.bytes.length;
  }

  /** Adds a record and returns where it will stand in the segment. */
  add(record: NewRecord, eventKey: Uint8Array, offset: number): number {
    const size = sizeOf(record);
    if (size > this.#buffer.bytes.length) this.#buffer = new Packed(size);
    const at = this.#bytes;
    const position = this.#position + at;
    this.#records.push(this.#buffer.put(at, record, eventKey, offset, seedOf(this.#salt, position)));
    this.#bytes = at + size;
    return position;
  }

  /** Takes out what was added after the group had so many records and bytes. */
  cut(records: number, bytes: number): void {
    this.#records.length = records;
    this.#bytes = bytes;
  }

  /** Makes the same group fit for another place. */
  move(salt: number, position: number): void {
    this.#salt = salt;
    this.#position = position;
    for (let at = 0; at < this.#bytes; at += RECORD_HEADER_BYTES + bodyLengthAt(this.#buffer.view, at)) {
      this.#buffer.seal(at, seedOf(salt, position + at));
    }
  }
}

/** What a record takes in a segment. */
export function sizeOf(record: NewRecord): number {
  return RECORD_HEADER_BYTES + record.body.length;
}
