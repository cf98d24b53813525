import type { DiskFile } from "../system/disk.ts";

/**
 * What the writer must know of a format to keep its files whole. Entries reach the writer without their
 * terminator.
 */
export interface LogFormat {
  /** Ends each entry, and is found nowhere inside one. */
  readonly terminator: string;
  /** How each entry begins, as far as that is the same: so the writer knows its own work. A 0 is any digit. */
  readonly starts: string;
  /** Is this text, found without its terminator at the end of a file, a finished entry? */
  isWhole(text: string): boolean;
}

/** A crash can leave at most one batch behind; a longer tail is not ours, and is kept. */
const TAIL_BYTES_MAX = 16 * 1024 * 1024;
const FIRST_WINDOW_BYTES = 64 * 1024;

/**
 * Makes a file end with a whole entry again and returns its size. A crash or a full disk can leave a torn
 * last entry: it was never acknowledged, so it is cut off and will be sent again. A whole entry that only
 * lacks its terminator gets it. A tail that no sluice wrote is terminated and kept: what we do not know we do
 * not delete.
 */
export async function repairTail(file: DiskFile, sizeBytes: number, format: LogFormat): Promise<number> {
  if (sizeBytes === 0) return 0;
  const tail = await readTail(file, sizeBytes, format.terminator);
  if (tail?.length === 0) return sizeBytes;
  if (tail && isTorn(tail, format)) {
    await file.truncate(sizeBytes - tail.length);
    return sizeBytes - tail.length;
  }
  const ending = Buffer.from(missingEnding(tail, format.terminator));
  const written = file.write(ending, sizeBytes);
  if (written === ending.length) return sizeBytes + written;
  // Whatever is appended now would grow together with the old tail.
  await file.truncate(sizeBytes);
  throw new Error("the disk had no room to finish the last entry");
}

/** The bytes after the last terminator; undefined when it is further back than a crash can explain. */
async function readTail(file: DiskFile, sizeBytes: number, terminator: string): Promise<Buffer | undefined> {
  for (let windowBytes = FIRST_WINDOW_BYTES; ; windowBytes *= 4) {
    const length = Math.min(windowBytes, sizeBytes, TAIL_BYTES_MAX);
    const window = Buffer.alloc(length);
    const count = await file.read(window, sizeBytes - length);
    const end = window.lastIndexOf(terminator);
    if (end >= 0) return window.subarray(end + terminator.length, count);
    if (length === sizeBytes) return window.subarray(0, count);
    if (length === TAIL_BYTES_MAX) return undefined;
  }
}

function isTorn(tail: Buffer, { starts, isWhole }: LogFormat): boolean {
  const head = tail.toString("latin1", 0, starts.length);
  const isOurs = [...head].every((char, at) => (starts[at] === "0" ? isDigit(char) : char === starts[at]));
  // Zeros are blocks that a crash allocated and never filled.
  if (!isOurs && !head.startsWith("\0")) return false;
  return !isWhole(tail.toString("utf8"));
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}

function missingEnding(tail: Buffer | undefined, terminator: string): string {
  const hasFirstHalf = terminator.length > 1 && tail?.at(-1) === terminator.charCodeAt(0);
  return hasFirstHalf ? terminator.slice(1) : terminator;
}
