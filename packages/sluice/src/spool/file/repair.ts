import type { Disk, DiskFile } from "@sluice/sdk/internal";
import { ignoreFailure } from "./failures.ts";
import type { Segment } from "./log.ts";
import { GROUP_BYTES_MAX } from "./staging.ts";
import type { LostBytes, Survey } from "./survey.ts";
import { writeAll } from "./write-all.ts";

/**
 * What is kept of damaged bytes for whoever wants to look at them. They count against the disk, so there is
 * an end to it.
 */
const QUARANTINE_BYTES_MAX = 64 * 1024 * 1024;
const COPY_CHUNK_BYTES = 1024 * 1024;

/**
 * Makes the disk agree with the survey. Each step may be repeated, so a crash in the middle is found again
 * and finished: damaged bytes are copied and strangers moved to `quarantine/`, leftovers removed, the last
 * segment made fit to go on.
 */
export async function repairSpool(disk: Disk, quarantine: string, survey: Survey): Promise<void> {
  await keepLostBytes(disk, quarantine, survey.lost);
  // Where they cannot be moved they stay, and are passed over at every start.
  for (const path of survey.strangers)
    await ignoreFailure(disk.rename(path, `${quarantine}/${nameOf(path)}`));
  for (const path of survey.leftovers) await disk.remove(path);
  const last = survey.segments.at(-1);
  if (last && last.endOffset === survey.nextOffset) await mendTail(disk, last, survey);
}

async function keepLostBytes(disk: Disk, quarantine: string, lost: readonly LostBytes[]): Promise<void> {
  // A quarantine that cannot be read has none of them.
  const kept = new Set(await disk.list(quarantine).catch(() => []));
  let room = QUARANTINE_BYTES_MAX - (await bytesIn(disk, quarantine));
  for (const bytes of lost) {
    const name = `${bytes.number}-${bytes.from}.bytes`;
    if (bytes.to - bytes.from > room || kept.has(name)) continue;
    room -= bytes.to - bytes.from;
    try {
      await copyBytes(disk, bytes, `${quarantine}/${name}`);
    } catch {
      // Evidence, not data: without room for it the spool opens all the same, and the bytes still lie in
      // their segment.
      await ignoreFailure(disk.remove(`${quarantine}/${name}`));
    }
  }
}

/** What the files of a directory take. What is not a file, or goes away meanwhile, takes nothing. */
export async function bytesIn(disk: Disk, directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await disk.list(directory).catch(() => [])) {
    const file = await disk.open(`${directory}/${name}`, "read").catch(() => undefined);
    if (!file) continue;
    bytes += (await file.stat()).sizeBytes;
    await file.close();
  }
  return bytes;
}

async function copyBytes(disk: Disk, bytes: LostBytes, path: string): Promise<void> {
  const source = await disk.open(bytes.path, "read");
  try {
    const target = await disk.open(path, "create");
    try {
      await eachChunk(source, bytes.from, bytes.to, (chunk, position) =>
        writeAll(target, chunk, position - bytes.from),
      );
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/**
 * Cuts off a write that never finished, and makes what is left durable. The last group may stand in the page
 * cache only; if its sync failed, the kernel may have marked those pages clean, and another sync would report
 * success without writing them (PostgreSQL, 2018). Written again they are dirty again, and the sync means
 * something.
 */
async function mendTail(disk: Disk, segment: Segment, survey: Survey): Promise<void> {
  const isKnownDurable = segment.endOffset <= survey.tally.knownDurable;
  if (isKnownDurable && !survey.hasTornTail) return;
  const file = await disk.open(segment.path, "write");
  try {
    if (survey.hasTornTail) await file.truncate(segment.endPosition);
    const lastMark = segment.markPositions.at(-1) ?? segment.endPosition;
    const from = Math.max(0, Math.min(lastMark, segment.endPosition - GROUP_BYTES_MAX));
    await eachChunk(file, from, segment.endPosition, (chunk, position) => writeAll(file, chunk, position));
    await file.sync();
  } finally {
    await file.close();
  }
}

async function eachChunk(
  file: DiskFile,
  from: number,
  to: number,
  use: (chunk: Uint8Array, position: number) => void,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(COPY_CHUNK_BYTES, to - from));
  for (let position = from; position < to; ) {
    const count = await file.read(buffer.subarray(0, Math.min(buffer.length, to - position)), position);
    if (count === 0) return;
    use(buffer.subarray(0, count), position);
    position += count;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
