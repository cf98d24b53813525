import { codeOf, type Disk, type DiskFile } from "@sluice/sdk/internal";
import { hasHole, LINE_FEED, readKnown } from "./dead-letter.ts";

/** A line of a dead-letter file, as people look at it. */
export interface StoredLetter {
  /** Names the letter: one of a sink's events has this offset. */
  readonly offset: number;
  /** Events that are dead by it. */
  readonly count: number;
  readonly reason: string;
  readonly attempts: number;
  /** When it was written. */
  readonly at: string;
  /** What the backend said, redacted. */
  readonly words: string;
  readonly id: string | null;
  readonly kind: string | null;
  readonly runId: string | null;
  /** Of a group, of which nobody knows which are dead. */
  readonly ids?: readonly (string | null)[];
  /** As it was spooled; absent for a group, for what is no JSON, and when it is over. */
  readonly raw?: Uint8Array;
  /** It was delivered after all, or given up: nothing is left to do. */
  readonly resolved?: Resolution;
}

export type Resolution = "retried" | "dropped";

const EVENT = Buffer.from(',"event":');
const CHUNK_BYTES = 1024 * 1024;

/** Every letter of a sink, oldest first; none if it has no file. Reads, and changes nothing. */
export async function* readLetters(disk: Disk, path: string): AsyncGenerator<StoredLetter> {
  let file: DiskFile;
  try {
    file = await disk.open(path, "read");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    for await (const line of linesOf(file)) {
      const letter = parseLetter(line);
      if (letter) yield letter;
    }
  } finally {
    await file.close();
  }
}

/** The whole lines of a file, without their ends. */
export async function* linesOf(file: DiskFile): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for (let position = 0; ; ) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const count = await file.read(chunk, position);
    if (count === 0) return;
    position += count;
    const bytes =
      rest.length > 0 ? Buffer.concat([rest, chunk.subarray(0, count)]) : chunk.subarray(0, count);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
}

/** Undefined for a line that is no letter of ours, or of which the power took a part. */
export function parseLetter(line: Buffer): StoredLetter | undefined {
  if (hasHole(line) || !readKnown(line.toString("latin1"))) return undefined;
  // No string before the event can hold this: its quotes would be escaped.
  const at = line.indexOf(EVENT);
  const raw = at < 0 ? undefined : line.subarray(at + EVENT.length, -1);
  try {
    const head = JSON.parse(at < 0 ? line.toString() : `${line.toString("utf8", 0, at)}}`);
    const {
      offset,
      count,
      reason,
      attempts,
      words,
      id = null,
      kind = null,
      runId = null,
      ids,
      resolved,
    } = head;
    const named = { offset, count, reason, attempts, at: head.at, words, id, kind, runId };
    return { ...named, ...(ids && { ids }), ...(raw && { raw }), ...(resolved && { resolved }) };
  } catch {
    return undefined;
  }
}

/** A person has sent it again, and it arrived. */
export function isRetried(line: Buffer): boolean {
  return line.subarray(-RETRIED.length).equals(RETRIED);
}

const RETRIED = Buffer.from(',"resolved":"retried"}');

/**
 * The same line when nothing is left to do: what tells its events, and what became of them. It stays, because
 * the balance has counted it; the event goes.
 */
export function resolvedLine(line: Buffer, resolved: Resolution): Buffer {
  const at = line.indexOf(EVENT);
  const head = at < 0 ? line.subarray(0, -1) : line.subarray(0, at);
  return Buffer.concat([head, Buffer.from(`,"resolved":"${resolved}"}`)]);
}
