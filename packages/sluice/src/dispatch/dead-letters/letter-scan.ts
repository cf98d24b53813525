import type { DiskFile } from "@sluice/sdk/internal";
import { hasHole, type KnownLetter, LINE_FEED, readKnown } from "./dead-letter.ts";

const SCAN_BYTES = 1024 * 1024;
/** The front of a line is read, and no more: a group names at most a batch of offsets. */
const FRONT_BYTES_MAX = 64 * 1024;

export interface LetterScan {
  /** Does it stand for events that the ledger has not settled? */
  isOpen(letter: KnownLetter): boolean;
  /** Called for each letter, in order, with the front of its line: all of it, where no event is in it. */
  see(letter: KnownLetter, front: Buffer): void;
}

/**
 * Reads the front of every line; returns where the last whole one ends, and where the first open one begins.
 * An open one is read whole: a power cut may have kept some of its sectors and not others, and what is not
 * JSON is no letter.
 */
export async function scanLetters(
  file: DiskFile,
  sizeBytes: number,
  scan: LetterScan,
): Promise<{ readonly wholeBytes: number; readonly openFrom: number }> {
  const chunk = Buffer.alloc(Math.min(SCAN_BYTES, sizeBytes));
  let front = "";
  let isTorn = false;
  let wholeBytes = 0;
  let openFrom = Number.POSITIVE_INFINITY;
  for (let position = 0; ; ) {
    const count = await file.read(chunk, position);
    if (count === 0) return { wholeBytes, openFrom };
    let start = 0;
    for (;;) {
      const end = chunk.subarray(0, count).indexOf(LINE_FEED, start);
      const piece = chunk.subarray(start, end < 0 ? count : end);
      isTorn ||= hasHole(piece);
      if (front.length < FRONT_BYTES_MAX) front += piece.toString("latin1", 0, FRONT_BYTES_MAX);
      if (end < 0) break;
      const letter = isTorn ? undefined : readKnown(front);
      const isOpen = letter !== undefined && scan.isOpen(letter);
      if (letter && (!isOpen || (await isJson(file, wholeBytes, position + end)))) {
        scan.see(letter, Buffer.from(front, "latin1"));
        if (isOpen) openFrom = Math.min(openFrom, wholeBytes);
      }
      front = "";
      isTorn = false;
      start = end + 1;
      wholeBytes = position + start;
    }
    position += count;
  }
}

async function isJson(file: DiskFile, from: number, to: number): Promise<boolean> {
  const line = Buffer.alloc(to - from);
  await file.read(line, from);
  try {
    JSON.parse(line.toString());
    return true;
  } catch {
    return false; // The syntax is all that is asked for.
  }
}

/**
 * An earlier process may have died before these lines were synced, or after their sync had failed; then the
 * kernel takes them for written, and another sync alone would report success without writing them. Their
 * events are about to be settled on their word.
 */
export async function makeDurable(file: DiskFile, from: number, to: number): Promise<void> {
  const chunk = Buffer.alloc(Math.min(SCAN_BYTES, to - from));
  for (let position = from; position < to; ) {
    const count = await file.read(chunk.subarray(0, to - position), position);
    const written = count === 0 ? 0 : file.write(chunk.subarray(0, count), position);
    if (written === 0) throw Object.assign(new Error("ENOSPC: dead letters"), { code: "ENOSPC" });
    position += written;
  }
  await file.sync();
}
