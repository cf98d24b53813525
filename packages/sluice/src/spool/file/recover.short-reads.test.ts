import { type Disk, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import {
  offsetsOf,
  openTestSpool,
  readAll,
  segmentPaths,
  someRecords,
  statusesOf,
} from "../../testing/spool-fixture.ts";
import { RECORD_HEADER_BYTES } from "./record.ts";
import { SEGMENT_HEADER_BYTES } from "./segment.ts";
import type { FileSpool } from "./spool.ts";

const RECORDS = 30;
const SEGMENT_BYTES = 64 * 1024;
const BODY_BYTES = 6_000;
const RECORD_BYTES = RECORD_HEADER_BYTES + BODY_BYTES;

/** Three segments of ten records each, as a killed process leaves them. */
async function aKilledSpool(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk, { segmentBytes: SEGMENT_BYTES });
  const body = Buffer.alloc(BODY_BYTES, "x");
  for (const record of someRecords(0, RECORDS)) await spool.append([{ ...record, body }]);
  disk.crash();
  return disk;
}

test.each([0, 1, 64, 6_063, 6_064, 6_065, 12_128, 30_000, 60_639, 60_640])(
  "reads of segments that stop after %i bytes, whatever follows, hide no record and blame none (P8)",
  async (bytesMax) => {
    const disk = await aKilledSpool();
    expect(segmentPaths(disk).length).toBeGreaterThan(2);

    const spool = await openWithShortReads(disk, bytesMax);

    expect(spool.state).toMatchObject({ nextOffset: RECORDS, damaged: 0 });
    const all = Array.from({ length: RECORDS }, (_, offset) => offset);
    expect(offsetsOf(await readAll(spool))).toEqual(all);
    const again = someRecords(0, RECORDS).map((record) => ({
      ...record,
      body: Buffer.alloc(BODY_BYTES, "x"),
    }));
    expect(new Set(statusesOf(await spool.append(again)))).toEqual(new Set(["duplicate"]));
    await spool.close();
  },
);

test("a damaged record behind the end of a read that stopped early is counted once (P8)", async () => {
  const disk = await aKilledSpool();
  const [path = ""] = segmentPaths(disk);
  const bytes = Uint8Array.from(disk.bytesOf(path));
  const at = SEGMENT_HEADER_BYTES + 2 * RECORD_BYTES + 20;
  bytes[at] = (bytes[at] ?? 0) ^ 1;

  for (const bytesMax of [100, 6_064, 13_000, 20_000]) {
    const damaged = disk.copy();
    damaged.put(path, bytes);
    const spool = await openWithShortReads(damaged, bytesMax);

    expect(spool.state, `${bytesMax} bytes`).toMatchObject({ nextOffset: RECORDS, damaged: 1 });
    const rest = Array.from({ length: RECORDS }, (_, offset) => offset).filter((offset) => offset !== 2);
    expect(offsetsOf(await readAll(spool))).toEqual(rest);
    await spool.close();
  }
});

/** While it is opened, the first read of records through a handle brings that many bytes at most, or one. */
async function openWithShortReads(disk: MemoryDisk, bytesMax: number): Promise<FileSpool> {
  let isOpen = false;
  const short: Disk = {
    list: (path) => disk.list(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    freeBytes: () => disk.freeBytes(),
    async open(path, mode) {
      const file = await disk.open(path, mode);
      let isWhole = !path.endsWith(".seg");
      return {
        write: (bytes, position) => file.write(bytes, position),
        read(into, position) {
          const isCut = !isOpen && !isWhole && position >= SEGMENT_HEADER_BYTES;
          if (isCut) isWhole = true;
          return file.read(isCut ? into.subarray(0, Math.max(1, bytesMax)) : into, position);
        },
        sync: () => file.sync(),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        stat: () => file.stat(),
        close: () => file.close(),
      };
    },
  };
  const spool = await openTestSpool(short, { segmentBytes: SEGMENT_BYTES });
  isOpen = true;
  return spool;
}
