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

const DIGIT = [..."0123456789abcdef"];
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function createIds(clock: Clock, random: Random): Ids {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  let latestMs = -1;
  let counter = 0;
  let prefix = "";

  const take = () => {
    if (used === POOL_BYTES) {
      random.fill(pool);
      used = 0;
    }
    return pool[used++] ?? 0;
  };
  const enter = (ms: number) => {
    latestMs = ms;
    const hex = ms.toString(16).padStart(12, "0");
    prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    counter = (take() & 0x7f) * 2 ** 24 + take() * 2 ** 16 + take() * 2 ** 8 + take();
  };

  return {
    uuidv7() {
      const nowMs = Math.trunc(clock.nowMs());
      if (nowMs > latestMs) enter(nowMs);
      else if (++counter === COUNTER_END) enter(latestMs + 1);
      return (
        prefix +
        HEX[counter >>> 24] +
        DIGIT[(counter >>> 20) & 0xf] +
        "-" +
        HEX[0x80 | ((counter >>> 14) & 0x3f)] +
        HEX[(counter >>> 6) & 0xff] +
        "-" +
        HEX[((counter & 0x3f) << 2) | (take() & 3)] +
        HEX[take()] +
        HEX[take()] +
        HEX[take()] +
        HEX[take()] +
        HEX[take()]
      );
    },
  };
}

/**
 * The id of a fact that follows from another: `deriveId(runId, "ended")`. UUIDv5 in our namespace of both, with a line
 * feed between them, which no id can contain.
 */
export function deriveId(id: string, name: string): string {
  return uuidv5(DERIVED_ID_NAMESPACE, `${id}\n${name}`);
}

/** RFC 9562, version 5. `namespace` is a UUID. */
export function uuidv5(namespace: string, name: string): string {
  const namespaceBytes = uuidBytes(namespace);
  if (namespaceBytes === undefined) throw new TypeError(`not a UUID: ${namespace}`);
  const digest = hash("sha1", Buffer.concat([namespaceBytes, Buffer.from(name)]), "hex");
  const variant = HEX[(Number.parseInt(digest.slice(16, 18), 16) & 0x3f) | 0x80];
  return (
    `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}` +
    `-${variant}${digest.slice(18, 20)}-${digest.slice(20, 32)}`
  );
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** The 16 bytes of a UUID in its usual text form, of any version and either case; undefined if it is none. */
export function uuidBytes(text: string): Uint8Array | undefined {
  if (!UUID.test(text)) return undefined;
  return Buffer.from(text.replaceAll("-", ""), "hex");
}
