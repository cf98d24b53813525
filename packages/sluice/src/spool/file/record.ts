import { crc32 } from "node:zlib";
import { EVENT_KEY_BYTES, keyOf, writeTextKey } from "../keys.ts";
import type { NewRecord } from "../spool.ts";
import { StoredRecord } from "../stored-record.ts";
import { headerCrc } from "./header-crc.ts";
import { keptBody } from "./tail.ts";

/**
 * A record: a header of 64 bytes, then the body (the event's JSON). Little-endian.
 *
 *      0  mark u32                 F5 73 6C FF: two of its bytes never occur in UTF-8, so no JSON contains it
 *      4  body length u32
 *      8  offset u64
 *     16  event key 16             see keys.ts
 *     32  run key u64              0 without a run
 *     40  order key u64            0 without one
 *     48  CRC of the item as received u32
 *     52  kind u8
 *     53  flags u8
 *     54  partition u16            0 in the file spool
 *     56  CRC of the body u32
 *     60  CRC of the bytes 0..60 u32, seeded with the segment's salt + this record's position
 *
 * The seed makes a header valid in one place of one segment only. CRC-32 is linear, so two seeds never give
 * one sum for the same bytes: a copy of a record (inside a body, or left over from a file's earlier life) is
 * rejected with certainty, not by luck.
 */
export const RECORD_HEADER_BYTES = 64;
/**
 * The longest body that can be stored. Ingest takes 10 MiB; beyond this a record would not fit a segment of
 * its own.
 */
export const RECORD_BODY_BYTES_MAX = 64 * 1024 * 1024;
/** All flags but FLAG_RESERVE, which speaks to the spool and is not part of the record. */
const STORED_FLAGS = 0x7f;

const MARK = 0xff6c73f5;
export const MARK_BYTES = Buffer.from([0xf5, 0x73, 0x6c, 0xff]);
const SUMMED_BYTES = 60;
const EVENT_KEY_AT = 16;
const BODY_CRC_AT = 56;

/** A buffer with a view of it: numbers go to where they stay, and nothing is allocated for a record. */
export class Packed {
  readonly bytes: Buffer;
  readonly view: DataView;

  constructor(sizeBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, sizeBytes);
  }

  /** Writes a record, header and body, at `at`, and returns it as a reader will see it. */
  put(at: number, record: NewRecord, eventKey: Uint8Array, offset: number, seed: number): StoredRecord {
    const { view } = this;
    const { body, kindCode, runId, orderKey, received } = record;
    const flags = record.flags & STORED_FLAGS;
    view.setUint32(at, MARK, true);
    view.setUint32(at + 4, body.length, true);
    view.setUint32(at + 8, offset >>> 0, true);
    view.setUint32(at + 12, Math.floor(offset / 0x1_0000_0000), true);
    for (let index = 0; index < EVENT_KEY_BYTES; index++) {
      this.bytes[at + EVENT_KEY_AT + index] = eventKey[index] ?? 0;
    }
    writeTextKey(runId, view, at + 32);
    const run = keyOf(view.getUint32(at + 32, true), view.getUint32(at + 36, true));
    // What belongs to no trace is ordered by its run, whose hash is there already.
    if (orderKey === runId) copyKey(view, at + 32, at + 40);
    else writeTextKey(orderKey, view, at + 40);
    const order = keyOf(view.getUint32(at + 40, true), view.getUint32(at + 44, true));
    view.setUint32(at + 48, received.crc, true);
    view.setUint8(at + 52, kindCode);
    view.setUint8(at + 53, flags);
    view.setUint16(at + 54, 0, true);
    view.setUint32(at + BODY_CRC_AT, bodyCrcOf(record), true);
    this.seal(at, seed);
    this.bytes.set(body, at + RECORD_HEADER_BYTES);
    return new StoredRecord(offset, kindCode, flags, run, order, keptBody(body));
  }

  /** Makes the header at `at` valid for the place that `seed` stands for. */
  seal(at: number, seed: number): void {
    this.view.setUint32(at + SUMMED_BYTES, headerCrc(this.view, at, seed), true);
  }
}

function copyKey(view: DataView, from: number, to: number): void {
  view.setUint32(to, view.getUint32(from, true), true);
  view.setUint32(to + 4, view.getUint32(from + 4, true), true);
}

function bodyCrcOf({ received, body }: NewRecord): number {
  return received.bytes === body ? received.crc : crc32(body);
}

/** The seed for the header of a record at a position of a segment. */
export function seedOf(salt: number, position: number): number {
  return (salt + position) >>> 0;
}

/** True if a header that is valid for the place that `seed` stands for begins at `at`. */
export function isHeader(view: DataView, at: number, seed: number): boolean {
  return (
    view.getUint32(at, true) === MARK && headerCrc(view, at, seed) === view.getUint32(at + SUMMED_BYTES, true)
  );
}

/** The body behind a valid header if it is the one that was written: a slice of `bytes`, of which `view` is one. */
export function intactBodyAt(bytes: Buffer, view: DataView, at: number): Buffer | undefined {
  const start = at + RECORD_HEADER_BYTES;
  const body = bytes.subarray(start, start + bodyLengthAt(view, at));
  return crc32(body) === view.getUint32(at + BODY_CRC_AT, true) ? body : undefined;
}

export function bodyLengthAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true);
}

export function offsetAt(view: DataView, at: number): number {
  return view.getUint32(at + 12, true) * 0x1_0000_0000 + view.getUint32(at + 8, true);
}

export function receivedCrcAt(view: DataView, at: number): number {
  return view.getUint32(at + 48, true);
}

/** Copies the event key of the record at `at`. */
export function copyEventKey(view: DataView, at: number, into: Uint8Array): void {
  // A call of Buffer's copy would take four times as long.
  for (let index = 0; index < EVENT_KEY_BYTES; index++)
    into[index] = view.getUint8(at + EVENT_KEY_AT + index);
}

/**
 * The record at `at` as readers see it. Its body is a slice of the bytes, which must not be used for anything
 * else then.
 */
export function recordAt(view: DataView, at: number, offset: number, body: Buffer): StoredRecord {
  return new StoredRecord(
    offset,
    view.getUint8(at + 52),
    view.getUint8(at + 53),
    keyOf(view.getUint32(at + 32, true), view.getUint32(at + 36, true)),
    keyOf(view.getUint32(at + 40, true), view.getUint32(at + 44, true)),
    body,
  );
}
