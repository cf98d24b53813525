import { hash } from "node:crypto";
import type { Clock } from "../system/clock.ts";
import type { Random } from "../system/random.ts";

/**
 * Event ids. Minted: UUIDv7 (RFC 9562), so that ids sort by the time they were made. Derived: UUIDv5, so that whoever
 * derives the id of the same fact gets the same id, and the second copy is a duplicate.
 *
 * A minted id is 48 bits of milliseconds, 32 bits of counter and 42 random bits. The counter starts each millisecond at a
 * random value with its top bit clear and is raised by one for each further id; when it is used up, or the clock stands
 * still or goes back, the id stays in the latest millisecond seen, and moves one ahead when the counter is full. So ids
 * rise strictly within the process, whatever the clock does.
 */
export interface Ids {
  uuidv7(): string;
}

/** UUIDv5 of RFC 9562's URL namespace and "urn:sluice:derived". Never changes: every derived id depends on it. */
export const DERIVED_ID_NAMESPACE = "28993521-d2b9-583d-afcc-c571c1e17022";

/** One trip to the random source fills this much; an id takes 6 bytes and a new millisecond 4. */
const POOL_BYTES = 4_096;
/** The counter is full here, and the id moves on to the next millisecond. */
const COUNTER_END = 2 ** 32;

export function createIds(clock: Clock, random: Random): Ids {
  const pool = new Uint8Array(POOL_BYTES);
  const text = new UuidText();
  let used = POOL_BYTES;
  let latestMs = -1;
  let counter = 0;

  const take = () => {
    if (used === POOL_BYTES) {
      random.fill(pool);
      used = 0;
    }
    return pool[used++] ?? 0;
  };
  const enter = (ms: number) => {
    latestMs = ms;
    for (let index = 5, rest = ms; index >= 0; index--, rest = Math.floor(rest / 256))
      text.set(index, rest % 256);
    counter = (take() & 0x7f) * 2 ** 24 + take() * 2 ** 16 + take() * 2 ** 8 + take();
  };

  return {
    uuidv7() {
      const nowMs = Math.trunc(clock.nowMs());
      if (nowMs > latestMs) enter(nowMs);
      else if (++counter === COUNTER_END) enter(latestMs + 1);
      text.set(6, 0x70 | (counter >>> 28));
      text.set(7, (counter >>> 20) & 0xff);
      text.set(8, 0x80 | ((counter >>> 14) & 0x3f));
      text.set(9, (counter >>> 6) & 0xff);
      text.set(10, ((counter & 0x3f) << 2) | (take() & 3));
      for (let index = 11; index < 16; index++) text.set(index, take());
      return text.toString();
    },
  };
}

/**
 * The id of a fact that follows from another: `deriveId(runId, "ended")`. UUIDv5 in our namespace of both, with a line
 * feed between them, which no id can contain.
 */
export function deriveId(id: string, name: string): string {
  const text = `${id}\n${name}`;
  // Ends of runs are derived for every call: the bytes go through memory that is used again, if they fit.
  if (text.length > DERIVED_CHARS_MAX) return uuidv5(DERIVED_ID_NAMESPACE, text);
  const end = UUID_BYTES + derivedInput.write(text, UUID_BYTES);
  return fromDigest(hash("sha1", derivedInput.subarray(0, end), "binary"));
}

/** RFC 9562, version 5. `namespace` is a UUID. */
export function uuidv5(namespace: string, name: string): string {
  const prefix = uuidBytes(namespace);
  if (prefix === undefined) throw new TypeError(`not a UUID: ${namespace}`);
  const bytes = Buffer.concat([prefix, Buffer.from(name)]);
  return fromDigest(hash("sha1", bytes, "binary"));
}

/** `digest` has a byte in each character. */
function fromDigest(digest: string): string {
  for (let index = 0; index < 16; index++) derivedText.set(index, digest.charCodeAt(index));
  derivedText.set(6, 0x50 | (digest.charCodeAt(6) & 0x0f));
  derivedText.set(8, 0x80 | (digest.charCodeAt(8) & 0x3f));
  return derivedText.toString();
}

/** The text of a UUID, byte by byte. One flat string at the end: one pieced together costs five times more where it is used. */
class UuidText {
  readonly #chars = Buffer.from("00000000-0000-0000-0000-000000000000");

  set(index: number, byte: number): void {
    const at = CHAR_OF_BYTE[index] ?? 0;
    this.#chars[at] = HEX_DIGITS[byte >>> 4] ?? 0;
    this.#chars[at + 1] = HEX_DIGITS[byte & 0xf] ?? 0;
  }

  toString(): string {
    return this.#chars.toString("latin1");
  }
}

const CHAR_OF_BYTE = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const HEX_DIGITS = Buffer.from("0123456789abcdef");
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** The 16 bytes of a UUID in its usual text form, of any version and either case; undefined if it is none. */
export function uuidBytes(text: string): Uint8Array | undefined {
  if (!UUID.test(text)) return undefined;
  return Buffer.from(text.replaceAll("-", ""), "hex");
}

const UUID_BYTES = 16;
/** A run id and a name, with room; what is longer takes the slow way. In UTF-8 it is at most three times as many bytes. */
const DERIVED_CHARS_MAX = 300;

const derivedText = new UuidText();
const derivedInput = Buffer.alloc(UUID_BYTES + 3 * DERIVED_CHARS_MAX);
derivedInput.set(uuidBytes(DERIVED_ID_NAMESPACE) ?? []);
