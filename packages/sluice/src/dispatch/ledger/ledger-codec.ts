import { SluiceError } from "../../errors.ts";
import { Ledger, REASON_BYTES_MAX, REASONS_MAX } from "./ledger.ts";

/**
 * A ledger as bytes. Little endian; offsets and counts are 6-byte integers (2^48 events are enough).
 *
 *   0  magic "SLLG"         4
 *   4  version 1            2
 *   6  reasons, skipped     1      how many counters follow
 *   7  reasons, dropped     1
 *   8  settled ranges       2
 *  10  waiting              2
 *  12  place               16      routes.json gives each route one: a ledger from elsewhere is recognised
 *  28  first, low           6 + 6
 *  40  delivered, dead      6 + 6
 *  52  counters             per reason: length 1, UTF-8, count 6; skipped first
 *      settled              per range: from 6, to 6
 *      waiting              per event: offset 6, attempt 2, next try 6 (wall clock, ms)
 *
 * The spool that stores it adds generation and checksum. What is read back is believed only if it is whole,
 * of this version and place, in order, not ahead of the data, and its counters add up; everything else starts
 * at the route's first offset: duplicates at worst, never a skip. Only a later version is not passed over
 * like that: it would send everything again (`checkLedgerFormat`). Magic and version stay where they are.
 */
export function encodeLedger(ledger: Ledger, place: string): Uint8Array {
  const bytes = Buffer.alloc(bytesFor(ledger));
  bytes.write("SLLG", 0, "latin1");
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt8(ledger.skipped.size, 6);
  bytes.writeUInt8(ledger.dropped.size, 7);
  bytes.writeUInt16LE(ledger.settled.ranges, 8);
  bytes.writeUInt16LE(ledger.waiting.size, 10);
  bytes.write(place, 12, 16, "hex");
  let at = 28;
  const put = (value: number) => {
    at = bytes.writeUIntLE(value, at, 6);
  };
  for (const value of [ledger.first, ledger.low, ledger.delivered, ledger.deadLettered]) put(value);
  for (const [reason, count] of [...ledger.skipped, ...ledger.dropped]) {
    const length = bytes.write(reason, at + 1);
    bytes.writeUInt8(length, at);
    at += 1 + length;
    put(count);
  }
  for (const [from, to] of ledger.settled) {
    put(from);
    put(to);
  }
  for (const [offset, { attempt, nextTryMs }] of ledger.waiting) {
    put(offset);
    at = bytes.writeUInt16LE(Math.min(attempt, 0xffff), at);
    put(Math.max(0, Math.trunc(nextTryMs)));
  }
  return bytes.subarray(0, at);
}

/** As many at the most: a ledger in order takes some hundred bytes, and is written five times a second. */
function bytesFor({ skipped, dropped, settled, waiting }: Ledger): number {
  const counters = (skipped.size + dropped.size) * COUNTER_BYTES_MAX;
  return FIXED_BYTES + counters + settled.ranges * RANGE_BYTES + waiting.size * WAITING_BYTES;
}

const VERSION = 1;
const FIXED_BYTES = 52;
const COUNTER_BYTES_MAX = REASON_BYTES_MAX + 7;
const RANGE_BYTES = 12;
const WAITING_BYTES = 14;
/** 4,000 exceptions of at most 14 bytes, and the counters: what a spool must be able to store. */
export const LEDGER_BYTES_MAX = FIXED_BYTES + 2 * REASONS_MAX * COUNTER_BYTES_MAX + 4_000 * WAITING_BYTES;

/** @throws SluiceError SPOOL_TOO_NEW if a later version wrote it. */
export function checkLedgerFormat(stored: Uint8Array, path: string): void {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  if (bytes.length < 6 || bytes.toString("latin1", 0, 4) !== "SLLG") return;
  const format = bytes.readUInt16LE(4);
  if (format > VERSION) throw new SluiceError("SPOOL_TOO_NEW", { path, format, known: VERSION });
}

/** The stored ledger, or undefined if it cannot be believed. */
export function decodeLedger(stored: Uint8Array, place: string, nextOffset: number): Ledger | undefined {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  if (bytes.length < FIXED_BYTES || bytes.toString("latin1", 0, 4) !== "SLLG") return undefined;
  if (bytes.readUInt16LE(4) !== VERSION || bytes.toString("hex", 12, 28) !== place) return undefined;
  try {
    const ledger = readBody(bytes);
    return isSound(ledger, nextOffset) ? ledger : undefined;
  } catch (error) {
    // Reading past the end, or a range inside another: not a ledger that we wrote.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readBody(bytes: Buffer): Ledger {
  let at = 28;
  const take = () => {
    at += 6;
    return bytes.readUIntLE(at - 6, 6);
  };
  const ledger = new Ledger(take(), take());
  ledger.delivered = take();
  ledger.deadLettered = take();
  const takeReasons = (counts: Map<string, number>, reasons: number) => {
    for (let index = 0; index < reasons; index++) {
      const length = bytes.readUInt8(at);
      const reason = bytes.toString("utf8", at + 1, at + 1 + length);
      at += 1 + length;
      counts.set(reason, take());
    }
  };
  takeReasons(ledger.skipped, bytes.readUInt8(6));
  takeReasons(ledger.dropped, bytes.readUInt8(7));
  for (let left = bytes.readUInt16LE(8); left > 0; left--) {
    const from = take();
    const to = take();
    if (from >= to || !ledger.settled.add(from, to)) throw new RangeError("ranges overlap");
  }
  for (let left = bytes.readUInt16LE(10); left > 0; left--) {
    const offset = take();
    const attempt = bytes.readUInt16LE(at);
    at += 2;
    ledger.waiting.set(offset, { attempt, nextTryMs: take() });
  }
  return ledger;
}

function isSound(ledger: Ledger, nextOffset: number): boolean {
  const { first, low, settled, waiting } = ledger;
  if (first > low || low > nextOffset) return false;
  for (const [from, to] of settled) if (from <= low || to > nextOffset) return false;
  for (const offset of waiting.keys()) if (ledger.isSettled(offset) || offset >= nextOffset) return false;
  const counted = [
    ledger.delivered,
    ledger.deadLettered,
    ...ledger.skipped.values(),
    ...ledger.dropped.values(),
  ];
  return counted.reduce((sum, count) => sum + count, 0) === low - first + settled.size;
}
