import { type Disk, isNoFile } from "@sluice/sdk/internal";
import { SluiceError } from "../../errors.ts";
import { ahead } from "./ahead.ts";
import { messageOf } from "./failures.ts";
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from "./segment.ts";

/** A file that is a segment by its name and its header. */
export interface Candidate {
  readonly path: string;
  readonly header: SegmentHeader;
}

/** What the files of a spool's directory say of themselves. */
export interface Headers {
  readonly candidates: readonly Candidate[];
  /** Files named like segments that are none. */
  readonly strangers: readonly string[];
  readonly highestNumber: number;
  /** The directory before it was read: while all of it stays as it is, so do the headers. */
  readonly seen: DirectoryLook;
}

interface DirectoryLook {
  readonly names: readonly string[];
  /** Changes whenever a file comes, goes or is replaced. Undefined where nobody knows. */
  readonly stamp: string | undefined;
}

/**
 * Reads the header of every segment. A start asks several times: before the log is opened, before the lock is
 * taken, and with the lock; each trip to the thread pool counts with ten thousand segments. A header never
 * changes once its file has its name, so what was read `before` holds if the directory has changed neither
 * its time nor its names, which is looked at anew each time. (That time goes in steps of some milliseconds; a
 * number is used twice only by different processes, and none starts in so few.)
 * @throws SluiceError SPOOL_TOO_NEW if a later version wrote one of them; SPOOL_UNREADABLE or
 * DATA_DIR_UNUSABLE.
 */
export async function readHeaders(disk: Disk, directory: string, before?: Headers): Promise<Headers> {
  const seen = await lookAt(disk, directory);
  if (before && isSame(before.seen, seen)) return before;
  const candidates: Candidate[] = [];
  const strangers: string[] = [];
  let highestNumber = 0;
  for (const name of seen.names) highestNumber = Math.max(highestNumber, segmentNumber(name) ?? 0);
  const readOne = async (name: string) => ({ name, found: await readHeader(disk, `${directory}/${name}`) });
  for await (const { name, found } of ahead(seen.names, readOne)) {
    const path = `${directory}/${name}`;
    if (!found) continue;
    if (found.header && segmentName(found.header.number) === name) {
      candidates.push({ path, header: found.header });
    } else strangers.push(path);
  }
  return { candidates, strangers, highestNumber, seen };
}

/** The time first: what changes in between is seen by the next look, as a change. */
async function lookAt(disk: Disk, directory: string): Promise<DirectoryLook> {
  const stamp = await stampOf(disk, directory);
  try {
    const names = await disk.list(directory);
    return { stamp, names: names.filter((name) => segmentNumber(name) !== undefined) };
  } catch (error) {
    throw new SluiceError("DATA_DIR_UNUSABLE", { path: directory, cause: messageOf(error) }, error);
  }
}

async function stampOf(disk: Disk, directory: string): Promise<string | undefined> {
  try {
    const handle = await disk.open(directory, "read");
    try {
      const { identity, modifiedAtMs } = await handle.stat();
      return identity && `${identity} ${modifiedAtMs}`;
    } finally {
      await handle.close();
    }
  } catch {
    // Then everything is read each time, and that says what is wrong.
    return undefined;
  }
}

function isSame(before: DirectoryLook, now: DirectoryLook): boolean {
  return (
    now.stamp !== undefined &&
    now.stamp === before.stamp &&
    now.names.length === before.names.length &&
    now.names.every((name, index) => name === before.names[index])
  );
}

async function readHeader(disk: Disk, path: string) {
  try {
    const file = await disk.open(path, "read");
    try {
      const block = Buffer.alloc(SEGMENT_HEADER_BYTES);
      const count = await file.read(block, 0);
      return { header: decodeSegmentHeader(block.subarray(0, count), path) };
    } finally {
      await file.close();
    }
  } catch (error) {
    // A directory, a link or a pipe that is named like a segment is none; nothing else must be passed over.
    if (isNoFile(error)) return undefined;
    throw SluiceError.is(error) ? error : unreadable(path, error);
  }
}

export function unreadable(path: string, error: unknown): SluiceError {
  return new SluiceError("SPOOL_UNREADABLE", { path, cause: messageOf(error) }, error);
}
