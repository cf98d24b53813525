import { hash } from "node:crypto";
import type { Clock } from "../system/clock.ts";
import type { Random } from "../system/random.ts";

/**
 * Event ids. Minted: UUIDv7 (RFC 9562), so that ids sort by the time they were made. Derived: UUIDv5, so that
 * whoever derives the id of the same fact gets the same id, and the second copy is a duplicate.
 *
 * A minted id is 48 bits of milliseconds, 32 bits of counter and 42 random bits. The counter starts each
 * millisecond at a random value with its top bit clear and is raised by one for each further id; when it is
 * used up, or the clock stands still or goes back, the id stays in the latest millisecond seen, and moves one
 * ahead when the counter is full. So ids rise strictly within the process, whatever the clock does.
 */
export interface Ids {
  uuidv7(): string;
}

/**
 * UUIDv5 of RFC 9562's URL namespace and "urn:sluice:derived". Never changes: every derived id depends on it.
 */
export const DERIVED_ID_NAMESPACE = "28993521-d2b9-583d-afcc-c571c1e17022";

const UUID_BYTES = 16;
export const UUID_CHARS = 36;

/** One trip to the random source fills this much. */
const POOL_BYTES = 4_096;
/** What an id takes from it at most: 6 bytes, and 4 for the counter of a new millisecond. */
const RANDOM_BYTES = 10;
/** The counter is full here, and the id moves on to the next millisecond. */
const COUNTER_END = 2 ** 32;

export function createIds(clock: Clock, random: Random): Ids {
  const minter = new UuidMinter(clock, random);
  const text = Buffer.alloc(UUID_CHARS);
  return {
    uuidv7() {
      minter.mint(text, 0);
      // One flat string: one that is pieced together costs five times more where it is used.
      return text.toString("latin1");
    },
  };
}

/** Mints ids where they are needed, so that an emitter has no string to make and to copy. */
export class UuidMinter {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;
  #latestMs = -1;
  #counter = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Writes the 36 characters of a new id and returns the time it was minted at, as the clock told it. */
  mint(into: Uint8Array, at: number): number {
    const nowMs = Math.trunc(this.#clock.nowMs());
    if (nowMs > this.#latestMs) this.#enter(nowMs);
    else if (++this.#counter === COUNTER_END) this.#enter(this.#latestMs + 1);
    const counter = this.#counter;
    const pool = this.#pool;
    if (this.#used + RANDOM_BYTES > POOL_BYTES) this.#refill();
    let used = this.#used;
    const high = Math.floor(this.#latestMs / 2 ** 16);
    putByte(into, at, high >>> 24);
    putByte(into, at + 2, (high >>> 16) & 0xff);
    putByte(into, at + 4, (high >>> 8) & 0xff);
    putByte(into, at + 6, high & 0xff);
    into[at + 8] = DASH;
    putByte(into, at + 9, (this.#latestMs >>> 8) & 0xff);
    putByte(into, at + 11, this.#latestMs & 0xff);
    into[at + 13] = DASH;
    putByte(into, at + 14, 0x70 | (counter >>> 28));
    putByte(into, at + 16, (counter >>> 20) & 0xff);
    into[at + 18] = DASH;
    putByte(into, at + 19, 0x80 | ((counter >>> 14) & 0x3f));
    putByte(into, at + 21, (counter >>> 6) & 0xff);
    into[at + 23] = DASH;
    putByte(into, at + 24, ((counter & 0x3f) << 2) | ((pool[used++] ?? 0) & 3));
    for (let char = at + 26; char < at + UUID_CHARS; char += 2) putByte(into, char, pool[used++] ?? 0);
    this.#used = used;
    return nowMs;
  }

  /** Begins a millisecond: the counter starts anywhere in its lower half. */
  #enter(ms: number): void {
    if (this.#used + RANDOM_BYTES > POOL_BYTES) this.#refill();
    this.#latestMs = ms;
    this.#counter = 0;
    for (let byte = 0; byte < 4; byte++) {
      this.#counter = this.#counter * 256 + (this.#pool[this.#used++] ?? 0);
    }
    this.#counter %= COUNTER_END / 2;
  }

  #refill(): void {
    this.#random.fill(this.#pool);
    this.#used = 0;
  }
}

const DASH = 0x2d;
const DIGITS = Buffer.from("0123456789abcdef");

function putByte(into: Uint8Array, at: number, byte: number): void {
  into[at] = DIGITS[byte >>> 4] ?? 0;
  into[at + 1] = DIGITS[byte & 0xf] ?? 0;
}

/**
 * The id of a fact that follows from another: `deriveId(runId, "ended")`. UUIDv5 in our namespace of both,
 * with a line feed between them, which no id can contain.
 */
export function deriveId(id: string, name: string): string {
  putDerivedId(derivedText, 0, id, name);
  return derivedText.toString("latin1");
}

/** Writes the 36 characters of a derived id, for whoever needs bytes and no string. */
export function putDerivedId(into: Uint8Array, at: number, id: string, name: string): void {
  putDigest(into, at, hash("sha1", derivedInputOf(id, name), "binary"));
}

/** RFC 9562, version 5. `namespace` is a UUID. */
export function uuidv5(namespace: string, name: string): string {
  const prefix = uuidBytes(namespace);
  if (prefix === undefined) throw new TypeError(`not a UUID: ${namespace}`);
  const bytes = Buffer.concat([prefix, Buffer.from(name)]);
  putDigest(derivedText, 0, hash("sha1", bytes, "binary"));
  return derivedText.toString("latin1");
}

/** `digest` has a byte in each character; the first 16 become the id. */
function putDigest(into: Uint8Array, start: number, digest: string): void {
  for (let index = 0, at = start; index < UUID_BYTES; index++, at += 2) {
    const byte = digest.charCodeAt(index);
    if (index === 6) putByte(into, at, 0x50 | (byte & 0x0f));
    else if (index === 8) putByte(into, at, 0x80 | (byte & 0x3f));
    else putByte(into, at, byte);
    if (index === 3 || index === 5 || index === 7 || index === 9) into[at++ + 2] = DASH;
  }
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** The 16 bytes of a UUID in its usual text form, of any version and either case; undefined if it is none. */
export function uuidBytes(text: string): Uint8Array | undefined {
  if (!UUID.test(text)) return undefined;
  return Buffer.from(text.replaceAll("-", ""), "hex");
}

/**
 * What the id is the hash of. Ends of runs are derived for every call: the bytes go through memory that is
 * used again, if they fit, and so does the view of it, because runs have ids of one length.
 */
function derivedInputOf(id: string, name: string): Uint8Array {
  if (id.length + name.length > DERIVED_CHARS_MAX) {
    return Buffer.concat([derivedMemory.subarray(0, UUID_BYTES), Buffer.from(`${id}\n${name}`)]);
  }
  let end = UUID_BYTES + derivedMemory.write(id, UUID_BYTES);
  derivedMemory[end++] = LINE_FEED;
  end += derivedMemory.write(name, end);
  if (derivedInput.length !== end) derivedInput = derivedMemory.subarray(0, end);
  return derivedInput;
}

/**
 * A run id and a name, with room; what is longer takes the slow way. In UTF-8 it is at most three times as
 * many bytes.
 */
const DERIVED_CHARS_MAX = 300;
const LINE_FEED = 0x0a;

const derivedText = Buffer.alloc(UUID_CHARS);
const derivedMemory = Buffer.alloc(UUID_BYTES + 3 * DERIVED_CHARS_MAX + 1);
derivedMemory.set(uuidBytes(DERIVED_ID_NAMESPACE) ?? []);
let derivedInput = derivedMemory.subarray(0, UUID_BYTES);
