import { crc32 } from "node:zlib";
import type { PendingEvent } from "../delivery/pending-event.ts";

/**
 * One line of a dead-letter file: JSON, with `offset` and `place` first, so that opening reads them without
 * parsing the event. `event` is the event as it was spooled; if that is no JSON, `eventBase64`. A group
 * (`rejected` of `offsets`, nobody knows which) stands in one line without events: they are in the spool.
 * `sum` is the CRC of everything in front of it: a flipped bit in an offset must not settle another event.
 *
 *   {"offset":7,"place":"…","runKey":9,"kindCode":1,"count":1,"sum":3,"id":"…","kind":"…","runId":"…","sink":"…",
 *    "reason":"rejected","attempts":1,"at":"…","words":"…","event":{…}}
 *
 * This is format 1; a later one says so at its beginning (dead-letter-format.ts).
 */
export interface DeadLetter {
  readonly items: readonly PendingEvent[];
  /** How many of `items` are dead: all, unless the backend told a count only. */
  readonly dead: number;
  readonly reason: DeadLetterReason;
  /** What the sink said, redacted by the sink. */
  readonly words: string;
}

export type DeadLetterReason =
  | "rejected"
  | "too_large"
  | "poison"
  | "undecodable"
  | "follows"
  | "partly"
  | "unbound";

/** What the sink said is cut to this: enough for the sentence that matters, never a whole page of HTML. */
const WORDS_BYTES_MAX = 2_048;

export interface LineContext {
  readonly sink: string;
  readonly place: string;
  readonly at: string;
}

export function encodeDeadLetter(letter: DeadLetter, context: LineContext): Uint8Array {
  const [first] = letter.items;
  if (!first) throw new RangeError("a dead letter without an event");
  const isGroup = letter.dead < letter.items.length || letter.items.length > 1;
  const event = isGroup ? undefined : first;
  const front = JSON.stringify({
    offset: first.offset,
    place: context.place,
    runKey: first.record.runKey,
    kindCode: isGroup ? 0 : first.record.kindCode,
    count: letter.dead,
    ...(isGroup && { offsets: letter.items.map(({ offset }) => offset) }),
  }).slice(0, -1);
  const rest = JSON.stringify({
    sum: crc32(front),
    ...(isGroup ? { ids: letter.items.map(idOf) } : namesOf(first)),
    sink: context.sink,
    reason: letter.reason,
    attempts: first.attempts,
    at: context.at,
    words: cut(letter.words),
  });
  const head = `${front},${rest.slice(1)}`;
  return event ? withEvent(head, event) : Buffer.from(`${head}\n`);
}

function namesOf(item: PendingEvent): { id: string | null; kind: string | null; runId: string | null } {
  try {
    const { id, kind, runId } = item.event;
    return { id, kind, runId: runId ?? null };
  } catch {
    // The record is no event, which may be the very reason why it is here.
    return { id: null, kind: null, runId: null };
  }
}

function idOf(item: PendingEvent): string | null {
  return namesOf(item).id;
}

function withEvent(head: string, item: PendingEvent): Uint8Array {
  if (item.isUndecodable) {
    const base64 = Buffer.from(item.raw).toString("base64");
    return Buffer.from(`${head.slice(0, -1)},"eventBase64":"${base64}"}\n`);
  }
  // In JSON a raw line feed can only stand between tokens, where a space is the same.
  const raw = item.raw.includes(LINE_FEED)
    ? item.raw.map((byte) => (byte === LINE_FEED ? SPACE : byte))
    : item.raw;
  return Buffer.concat([Buffer.from(`${head.slice(0, -1)},"event":`), raw, Buffer.from("}\n")]);
}

export const LINE_FEED = 0x0a;
const SPACE = 0x20;

function cut(words: string): string {
  const bytes = Buffer.from(words.toWellFormed());
  if (bytes.length <= WORDS_BYTES_MAX) return words.toWellFormed();
  return `${bytes
    .subarray(0, WORDS_BYTES_MAX - 3)
    .toString()
    .replace(/�+$/, "")}…`;
}

/**
 * True if the power went while these bytes of a line were on their way: where a sector was lost there are
 * zeros, which JSON never has.
 */
export function hasHole(bytes: Buffer): boolean {
  return bytes.includes(0);
}

/** What a route needs to know of a line that is on disk already. */
export interface KnownLetter {
  readonly offsets: readonly number[];
  readonly count: number;
  readonly place: string;
  readonly runKey: number;
  /** It opened its run: the rest of that run follows it. */
  readonly opensRun: boolean;
}

/** Reads the front of a line. Undefined if it is no dead letter of ours. */
export function readKnown(line: string): KnownLetter | undefined {
  const match = FRONT.exec(line);
  if (!match) return undefined;
  const [front, offset, place = "", runKey, kindCode, count, offsets] = match;
  // Lines of earlier versions have no sum.
  const sum = /^,"sum":(\d+)/.exec(line.slice(front.length, front.length + SUM_CHARACTERS_MAX))?.[1];
  if (sum !== undefined && Number(sum) !== crc32(front)) return undefined;
  return {
    offsets: offsets === undefined ? [Number(offset)] : offsets.split(",").map(Number),
    count: Number(count),
    place,
    runKey: Number(runKey),
    opensRun: Number(kindCode) === RUN_STARTED,
  };
}

export const RUN_STARTED = 1;
/** `,"sum":` and ten digits. */
const SUM_CHARACTERS_MAX = 20;
const FRONT = new RegExp(
  '^\\{"offset":(\\d+),"place":"([\\da-f]*)","runKey":(\\d+),"kindCode":(\\d+),"count":(\\d+)' +
    '(?:,"offsets":\\[([\\d,]+)\\])?',
);
