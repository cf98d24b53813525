import { hash } from "node:crypto";

/**
 * How ids become the fixed-size keys that stand in a record header. Part of the file format: a change here is
 * a new format.
 * - Event id → 16 bytes. A lower-case UUID is its own 16 bytes; any other string is the first 16 bytes of its
 *   SHA-256, because an id decides what is a duplicate, and nobody may be able to build two that meet.
 * - Run id, order key → 64 bits of a fast hash. They only group: a reader compares the id itself where a
 *   collision would matter.
 */
const UUID_LENGTH = 36;
export const EVENT_KEY_BYTES = 16;

const HEX = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit++) HEX[digit.toString(16).charCodeAt(0)] = digit;

/** Where the 16 bytes of a UUID start in its text. The dashes lie between them. */
const UUID_DIGITS = new Uint8Array([0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]);

/** Writes the 16 bytes of an event id to `into` at `at`. */
export function writeEventKey(id: string, into: Uint8Array, at: number): void {
  if (!writeUuid(id, into, at)) into.set(hash("sha256", id, "buffer").subarray(0, EVENT_KEY_BYTES), at);
}

/** An upper-case UUID is another string, hence another id: only the canonical form is taken apart. */
function writeUuid(id: string, into: Uint8Array, at: number): boolean {
  if (id.length !== UUID_LENGTH) return false;
  const hasDashes =
    id.charCodeAt(8) === 45 &&
    id.charCodeAt(13) === 45 &&
    id.charCodeAt(18) === 45 &&
    id.charCodeAt(23) === 45;
  if (!hasDashes) return false;
  // A code beyond the table reads undefined and becomes 0 under |, so it is caught by its size first.
  let wrong = 0;
  for (let index = 0; index < EVENT_KEY_BYTES; index++) {
    const digit = UUID_DIGITS[index] ?? 0;
    const high = id.charCodeAt(digit);
    const low = id.charCodeAt(digit + 1);
    const value = ((HEX[high] ?? -1) << 4) | (HEX[low] ?? -1);
    wrong |= value;
    into[at + index] = value;
  }
  return wrong >= 0;
}

/** Two 32-bit halves of the last text that was hashed: a hash of 64 bits without an allocation. */
let low = 0;
let high = 0;

/** Writes the 64-bit hash of a text, low half first; zeros for no text, and never zeros for one. */
export function writeTextKey(text: string | undefined, into: DataView, at: number): void {
  if (text === undefined) low = high = 0;
  else mix(text);
  into.setUint32(at, low, true);
  into.setUint32(at + 4, high, true);
}

/** The 48 bits of it that a `SpoolRecord` shows as `runKey` and `orderKey`. */
export function textKey(text: string): number {
  mix(text);
  return keyOf(low, high);
}

/** The same, from the halves in a header. */
export function keyOf(lowHalf: number, highHalf: number): number {
  return (highHalf & 0xffff) * 0x1_0000_0000 + lowHalf;
}

/**
 * Two multiplicative lanes over the UTF-16 units, each finished with the other: every input bit reaches all
 * 64.
 */
function mix(text: string): void {
  let left = 0xdeadbeef;
  let right = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    left = Math.imul(left ^ unit, 0x9e3779b1);
    right = Math.imul(right ^ unit, 0x5f356495);
  }
  left = Math.imul(left ^ (left >>> 16), 0x85ebca6b) ^ Math.imul(right ^ (right >>> 13), 0xc2b2ae35);
  right = Math.imul(right ^ (right >>> 16), 0x85ebca6b) ^ Math.imul(left ^ (left >>> 13), 0xc2b2ae35);
  low = (left ^ (left >>> 16)) >>> 0;
  high = right >>> 0;
  // 0 means "no key", also for the 48 bits that a reader sees.
  if (low === 0 && (high & 0xffff) === 0) low = 1;
}
