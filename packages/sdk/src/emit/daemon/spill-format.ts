import type { ProcessIdentity } from "../../system/process-table.ts";

/**
 * A spill file: events that an application has taken and that no daemon has acknowledged yet, as lines of
 * JSON behind one line that says whose they are. docs/spec/spill.md is the contract; both sides use this.
 *
 *     WRITER-NUMBER.live.ndjson     its writer is at work, and sends the lines itself
 *        │ the writer closes it, or ends in order          │ the writer is dead
 *        ▼                                                 ▼
 *     WRITER-NUMBER.ndjson ─────────────────▶ adopted by the daemon, line by line, and removed
 *                                                what it refuses ──▶ NAME.refused
 *
 * `done` in the header is where the first line begins that was not acknowledged, in a fixed number of digits,
 * so that it can be overwritten in place.
 */
export interface SpillHeader {
  readonly writer: ProcessIdentity;
  /** Where the first line begins that may still be wanted. */
  readonly done: number;
  /** Where the first line begins. */
  readonly sizeBytes: number;
}

export type SpillState = "live" | "left";

/** Below the data directory. */
export const SPILL_DIRECTORY = "spill";
/** A header is some 300 bytes; the host's name is the only part that others choose. */
export const SPILL_HEADER_BYTES_MAX = 1_024;

const NAME = /^([\da-f]{32})-(\d{1,9})(\.live)?\.ndjson$/;
const DONE_DIGITS = 12;
const PREFIX = '{"sluice":"spill","version":1,"done":"';
const LINE_FEED = 0x0a;

/** `writer` is 32 hexadecimal digits, new for each emitter. */
export function spillFileName(writer: string, number: number, state: SpillState): string {
  return `${writer}-${number}${state === "live" ? ".live" : ""}.ndjson`;
}

/** What a name says; undefined for a file that is not ours. */
export function spillStateOf(name: string): SpillState | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  return match[3] === undefined ? "left" : "live";
}

/** For `sort`: the files of each writer in the order in which it wrote them. Foreign names stand first. */
export function bySpillOrder(a: string, b: string): number {
  const [, writerA = "", numberA = 0] = NAME.exec(a) ?? [];
  const [, writerB = "", numberB = 0] = NAME.exec(b) ?? [];
  if (writerA !== writerB) return writerA < writerB ? -1 : 1;
  return Number(numberA) - Number(numberB);
}

/** The first line of a file that nothing was acknowledged of. */
export function encodeSpillHeader({ hostName, ...writer }: ProcessIdentity): Uint8Array {
  const who = JSON.stringify({ hostName: hostName.slice(0, 255), ...writer });
  const bytes = Buffer.from(`${PREFIX}${"0".repeat(DONE_DIGITS)}","writer":${who}}\n`);
  bytes.set(encodeDone(bytes.length).bytes, PREFIX.length);
  return bytes;
}

/** What is written, and where, when everything before `done` is acknowledged. */
export function encodeDone(done: number): { readonly bytes: Uint8Array; readonly position: number } {
  return { bytes: Buffer.from(String(done).padStart(DONE_DIGITS, "0")), position: PREFIX.length };
}

/**
 * Reads the header from the first bytes of a file. "torn": the writer ended before it was whole, and so
 * before the first event. "foreign": not a spill file, or one of a later version.
 */
export function decodeSpillHeader(start: Uint8Array): SpillHeader | "torn" | "foreign" {
  const end = start.subarray(0, SPILL_HEADER_BYTES_MAX).indexOf(LINE_FEED);
  const text = Buffer.from(start.subarray(0, end < 0 ? start.length : end)).toString("utf8");
  if (end < 0) return start.length < SPILL_HEADER_BYTES_MAX && isBeginning(text) ? "torn" : "foreign";
  if (!text.startsWith(PREFIX)) return "foreign";
  try {
    const { done, writer }: { done: unknown; writer: unknown } = JSON.parse(text);
    if (!isIdentity(writer)) return "foreign";
    return { writer, done: Math.max(Number(done), end + 1), sizeBytes: end + 1 };
  } catch {
    // It begins like ours and is not JSON: somebody has edited it.
    return "foreign";
  }
}

function isBeginning(text: string): boolean {
  return text.startsWith(PREFIX) || PREFIX.startsWith(text);
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== "object" || value === null) return false;
  const texts = ["startedAt", "bootId", "pidNamespace"].map((name): unknown => Reflect.get(value, name));
  return (
    Number.isSafeInteger(Reflect.get(value, "pid")) &&
    typeof Reflect.get(value, "hostName") === "string" &&
    texts.every((text) => text === undefined || typeof text === "string")
  );
}
