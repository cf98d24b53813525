import { type Disk, ManualClock, MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import { type FileSpool, type FileSpoolOptions, openFileSpool } from "../spool/file/spool.ts";
import { Received } from "../spool/received.ts";
import type { AppendOutcome, NewRecord, Spool, SpoolRecord } from "../spool/spool.ts";

/** Records whose content is known from their number, and a file spool on a disk in memory. */
export function aRecord(number: number, changes: Partial<NewRecord> = {}): NewRecord {
  const event = { id: `event-${number}`, kind: "custom", time: "2026-01-01T00:00:00.000Z", data: { number } };
  const body = changes.body ?? Buffer.from(JSON.stringify(event));
  return { id: event.id, kindCode: 0, flags: 0, received: new Received(body), ...changes, body };
}

export function someRecords(from: number, count: number): NewRecord[] {
  return Array.from({ length: count }, (_, index) => aRecord(from + index));
}

export const TEST_DATA_DIR = "/data";

/** Small segments, no zeros ahead (the clock stands still), no lock: a disk in memory belongs to its test. */
export function openTestSpool(
  disk: Disk = new MemoryDisk(),
  changes: Partial<FileSpoolOptions> = {},
): Promise<FileSpool> {
  return openFileSpool({
    dataDir: TEST_DATA_DIR,
    disk,
    clock: new ManualClock(),
    random: seededRandom(1),
    maxBytes: 64 * 1024 * 1024,
    minFreeBytes: 0,
    segmentBytes: 64 * 1024,
    owner: { release: async () => {} },
    ...changes,
  });
}

/** Everything that is there now. What was lost is not waited for. */
export async function readAll(spool: Spool): Promise<SpoolRecord[]> {
  const never = new AbortController().signal;
  const { firstOffset, nextOffset, damaged } = spool.state;
  const all: SpoolRecord[] = [];
  while (all.length < nextOffset - firstOffset - damaged) {
    const from = (all.at(-1)?.offset ?? firstOffset - 1) + 1;
    all.push(...(await spool.read(0, from, { records: 1_000, bytes: 1_000_000 }, never)));
  }
  return all;
}

export function offsetsOf(records: readonly SpoolRecord[]): number[] {
  return records.map(({ offset }) => offset);
}

export function statusesOf(outcomes: readonly AppendOutcome[]): string[] {
  return outcomes.map(({ status }) => status);
}

/** The files of the spool's segments, in order. */
export function segmentPaths(disk: MemoryDisk): string[] {
  return disk.paths.filter((path) => path.endsWith(".seg"));
}
