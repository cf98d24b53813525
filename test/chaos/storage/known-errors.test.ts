import { faultyDisk, MemoryDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RECORD_BODY_BYTES_MAX } from "../../../packages/sluice/src/spool/file/record.ts";
import { SEGMENT_HEADER_BYTES } from "../../../packages/sluice/src/spool/file/segment.ts";
import { readTally, TallyFile } from "../../../packages/sluice/src/spool/file/tally.ts";
import {
  aRecord,
  offsetsOf,
  openTestSpool,
  readAll,
  segmentPaths,
  someRecords,
  statusesOf,
  TEST_DATA_DIR,
} from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { figure } from "../figures.ts";
import { MemoryHouse } from "./memory-house.ts";
import { openAndRead, segmentsOf, type WrittenSegment, writeSpool, wrongPayloads } from "./written-spool.ts";

/**
 * What has gone wrong elsewhere: each case kept some other event pipeline from starting, from going on, or
 * cost it more than the record in question.
 */
const SEGMENT_BYTES = 64 * 1024;
const SPOOL = `${TEST_DATA_DIR}/spool`;

let house: MemoryHouse;
beforeEach(() => {
  house = new MemoryHouse();
});
afterEach(() => house.close());

test("a record without a body is a record (P8, T14)", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk);
  await spool.append([aRecord(0), aRecord(1, { body: Buffer.alloc(0) }), aRecord(2)]);
  await spool.close();

  const records = await readAll(await openTestSpool(disk));

  expect(records.map(({ body }) => body.length > 0)).toEqual([true, false, true]);
  expect(() => records[1]?.event).toThrow();
});

test("a finished file that was cut loses its end, and the next file is read (P8, T14)", async () => {
  const { disk, segments } = await twoSegments();
  const [first] = segments;
  const cut = (first.places.at(-3)?.from ?? 0) + 10;
  disk.put(first.path, first.bytes.subarray(0, cut));

  await expectLost(
    disk,
    segments,
    [-3, -2, -1].map((index) => first.places.length + index),
  );
});

test.each([
  ["leading", 0],
  ["middle", 20],
  ["last", -1],
])("a corrupt %s record of a finished file costs itself alone (P8, T14)", async (_, index) => {
  const { disk, segments } = await twoSegments();
  const [first] = segments;
  const hit = index < 0 ? first.places.length + index : index;
  corrupt(disk, first, hit);

  await expectLost(disk, segments, [hit]);
});

test("corrupt records on both sides of a file's end cost two (P8, T14)", async () => {
  const { disk, segments } = await twoSegments();
  const [first, second] = segments;
  corrupt(disk, first, first.places.length - 1);
  corrupt(disk, second, 0);

  await expectLost(disk, segments, [first.places.length - 1, first.places.length]);
});

test("a length that says more than the file has costs its record (P8, T14)", async () => {
  const { disk, segments } = await twoSegments();
  const [first] = segments;
  const bytes = Buffer.from(first.bytes);
  bytes.writeUInt32LE(0x7fff_ffff, (first.places[5]?.from ?? 0) + 4);
  disk.put(first.path, bytes);

  await expectLost(disk, segments, [5]);
});

test("a last record that was never synced is not there after a power cut, and its offset is free (P1, T14)", async () => {
  const disk = new MemoryDisk();
  let power: "on" | "failing" | "off" = "on";
  const cut = faultyDisk(disk, ({ operation }) => {
    if (power === "failing" && operation === "sync") {
      power = "off";
      disk.crash();
    }
    return power === "off" ? { code: "EIO" } : undefined;
  });
  const spool = await openTestSpool(cut);
  await spool.append(someRecords(0, 5));
  power = "failing";
  expect(statusesOf(await spool.append([aRecord(5)]))).toEqual(["failed"]);

  const { spool: opened, records, nextOffset } = await openAndRead(disk, SEGMENT_BYTES);

  expect([records.length, nextOffset, opened.state.damaged]).toEqual([5, 5, 0]);
});

test("a torn tail in the current file is cut off, and writing goes on behind the last whole record (P8, T14)", async () => {
  const disk = await writeSpool({ records: 5, bodyBytes: 400, segmentBytes: SEGMENT_BYTES, end: "killed" });
  const [last] = segmentsOf(disk);
  const end = last?.places.at(-1)?.to ?? 0;
  disk.put(last?.path ?? "", last?.bytes.subarray(0, end - 7) ?? Buffer.alloc(0));

  const { spool, records, nextOffset } = await openAndRead(disk, SEGMENT_BYTES);

  expect([records.length, nextOffset, spool.state.damaged]).toEqual([4, 4, 0]);
});

test("a current file that holds a header and nothing else takes the next record (P8, T14)", async () => {
  const disk = await writeSpool({ records: 5, bodyBytes: 400, segmentBytes: SEGMENT_BYTES, end: "killed" });
  const [last] = segmentsOf(disk);
  disk.put(last?.path ?? "", last?.bytes.subarray(0, SEGMENT_HEADER_BYTES) ?? Buffer.alloc(0));

  const { records, nextOffset } = await openAndRead(disk, SEGMENT_BYTES);

  expect([records.length, nextOffset]).toEqual([0, 0]);
});

test("a current file of no bytes at all is put aside (P8, T14)", async () => {
  const { disk, segments } = await twoSegments();
  const [first, second] = segments;
  disk.put(second.path, new Uint8Array(0));

  await expectLost(
    disk,
    segments,
    second.places.map((_, index) => first.places.length + index),
  );
});

test("records that are stored while the ledger is behind are sent again, and no other (P9, T14)", async () => {
  await house.open(["file"]);
  await house.append(0, 10);
  await house.settle();
  const behind = Uint8Array.from(house.disk.bytesOf(house.path("ledgers/file.ledger")));
  await house.append(10, 10);
  await house.settle();
  await house.stop();
  house.disk.put(house.path("ledgers/file.ledger"), behind);

  await house.open(["file"]);
  await house.settle();

  const counts = [...house.arrived("file").values()];
  expect([counts.length, counts.filter((count) => count === 2).length]).toEqual([20, 10]);
});

test("a ledger that is one file ahead of the data starts over (P9, T14)", async () => {
  await house.open(["file"]);
  await house.append(0, 10);
  await house.settle();
  const segment = house.disk.paths.find((path) => path.endsWith(".seg")) ?? "";
  const earlier = Uint8Array.from(house.disk.bytesOf(segment));
  await house.append(10, 10);
  await house.settle();
  // Killed: nothing says that more than these ten was ever durable.
  const ledger = Uint8Array.from(house.disk.bytesOf(house.path("ledgers/file.ledger")));
  const copy = house.disk.copy();
  await house.stop();
  copy.put(segment, earlier);
  copy.put(house.path("ledgers/file.ledger"), ledger);
  house.disk = copy;

  await house.open(["file"]);
  await house.append(50, 1);
  await house.settle();

  expect(house.arrived("file").get("event-50")).toBe(1);
  expect((await house.verify()).problems).toEqual([]);
});

test("a kind, flags and keys that this version does not know are passed on (P15, T14)", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk);
  await spool.append([aRecord(0), aRecord(1, { kindCode: 250, flags: 0x70 }), aRecord(2)]);
  await spool.close();

  const records = await readAll(await openTestSpool(disk));

  expect(records[1]).toMatchObject({ kindCode: 250, flags: 0x70 });
  expect(records[1]?.event.id).toBe("event-1");
});

test.each([
  ["32 bits", 2 ** 32],
  ["40 bits", 2 ** 40],
])("offsets go past %s, over restarts and in every segment (P3, T14)", async (_, wrap) => {
  const disk = new MemoryDisk();
  await (await openTestSpool(disk)).close();
  const { spoolId = "" } = (await readTally(disk, SPOOL)) ?? {};
  const before = wrap - 3;
  const tally = { trimmedBefore: before, damagedBefore: 0, knownDurable: before };
  const file = new TallyFile(disk, SPOOL, spoolId, tally);
  await file.write(tally);
  await file.close();
  for (const path of segmentPaths(disk)) await disk.remove(path);

  const spool = await openTestSpool(disk);
  await spool.append(someRecords(0, 6));
  await spool.close();
  const opened = await openTestSpool(disk);
  const outcomes = await opened.append([aRecord(4), aRecord(6)]);

  const expected = Array.from({ length: 7 }, (_, index) => before + index);
  expect(offsetsOf(await readAll(opened))).toEqual(expected);
  expect(outcomes).toEqual([
    { status: "duplicate", offset: before + 4 },
    { status: "appended", offset: before + 6 },
  ]);
});

test("a full spool refuses, and takes again what it refused once readers let go (P6, T14)", async () => {
  const limits = { segmentBytes: SEGMENT_BYTES, maxBytes: 3 * SEGMENT_BYTES, reserveBytes: 0 };
  const spool = await openTestSpool(new MemoryDisk(), limits);
  const large = (number: number) => aRecord(number, { body: Buffer.alloc(30_000, 0x20) });
  let number = 0;
  while (statusesOf(await spool.append([large(number)]))[0] === "appended") number++;

  await spool.trim(0, number - 2);
  const again = await spool.append([large(number)]);

  expect(number).toBeGreaterThanOrEqual(4);
  expect(again).toEqual([{ status: "appended", offset: number }]);
});

test("nothing is removed below which somebody still reads (P2, T14)", async () => {
  const { disk, segments } = await twoSegments();
  const [first] = segments;
  const { spool } = await openAndRead(disk, SEGMENT_BYTES);

  await spool.trim(0, first.places.length - 1);
  expect(spool.state.firstOffset).toBe(0);
  await spool.trim(0, first.places.length);

  expect(spool.state.firstOffset).toBe(first.places.length);
});

test("the size is the same after a restart in the middle of reading and trimming (P6, T14)", async () => {
  const disk = await writeSpool({ records: 300, bodyBytes: 900, segmentBytes: SEGMENT_BYTES, end: "closed" });
  const spool = await openTestSpool(disk, { segmentBytes: SEGMENT_BYTES });
  await spool.read(0, 10, { records: 7, bytes: 10_000 }, new AbortController().signal);
  await spool.trim(0, 150);
  const { bytes, firstOffset, nextOffset } = spool.state;
  const killed = disk.copy();
  await spool.close();

  for (const left of [disk, killed]) {
    const opened = await openTestSpool(left, { segmentBytes: SEGMENT_BYTES });
    expect(opened.state).toMatchObject({ bytes, firstOffset, nextOffset, damaged: 0 });
  }
});

test("a record that is larger than a segment gets one of its own, and one beyond the limit is refused alone (P5, T14)", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk, { segmentBytes: SEGMENT_BYTES, maxBytes: 1024 * 1024 * 1024 });
  const larger = aRecord(1, { body: Buffer.alloc(3 * SEGMENT_BYTES, 0x20) });
  const beyond = aRecord(2, { body: Buffer.alloc(RECORD_BODY_BYTES_MAX + 1) });

  const outcomes = [];
  for (const each of [aRecord(0), larger, beyond, aRecord(3)]) outcomes.push(await spool.append([each]));
  await spool.close();

  expect(outcomes.map((each) => statusesOf(each)[0])).toEqual(["appended", "appended", "failed", "appended"]);
  expect(offsetsOf(await readAll(await openTestSpool(disk, { segmentBytes: SEGMENT_BYTES })))).toEqual([
    0, 1, 2,
  ]);
});

test("a reader that waits at the end of a file goes on in the next one (P8, T14)", async () => {
  const spool = await openTestSpool(new MemoryDisk(), { segmentBytes: SEGMENT_BYTES, tailBytes: 0 });
  const large = (number: number) => aRecord(number, { body: Buffer.alloc(40_000, 0x20) });
  const signal = new AbortController().signal;

  for (let number = 0; number < 5; number++) {
    const waiting = spool.read(0, number, { records: 10, bytes: 1e6 }, signal);
    await spool.append([large(number)]);
    expect(offsetsOf(await waiting)).toEqual([number]);
  }
});

test("a ledger that an earlier owner of the route still writes is refused (P9, T14)", async () => {
  const spool = await openTestSpool();
  const earlier = await spool.lease("file", 0);
  const later = await spool.lease("file", 0);

  expect(await spool.commit(earlier, Buffer.from("stale"), true)).toBe(false);
  expect(await spool.commit(later, Buffer.from("good"), true)).toBe(true);

  expect(Buffer.from((await spool.lease("file", 0)).ledger ?? []).toString()).toBe("good");
});

test("an end that comes twice in the middle of a repair repairs it all the same (P8, T14)", async () => {
  const { disk, segments } = await twoSegments();
  const [first] = segments;
  corrupt(disk, first, 7);

  for (let start = 0; start < 3; start++) {
    // Opened, and never closed: what recovery did so far is all there is.
    const spool = await openTestSpool(disk, { segmentBytes: SEGMENT_BYTES });
    expect(spool.state.damaged).toBe(1);
  }
  expect(await disk.list(`${TEST_DATA_DIR}/quarantine`)).toHaveLength(1);
  await expectLost(disk, segments, [7]);
  figure("P8", "known errors of other pipelines, each made to happen here: starts that failed", 0, "0");
});

type Two = readonly [WrittenSegment, WrittenSegment, ...WrittenSegment[]];

async function twoSegments(): Promise<{ readonly disk: MemoryDisk; readonly segments: Two }> {
  const disk = await writeSpool({ records: 90, bodyBytes: 900, segmentBytes: SEGMENT_BYTES, end: "closed" });
  const [first, second, ...more] = segmentsOf(disk);
  if (!first || !second) throw new Error("there are fewer than two segments");
  return { disk, segments: [first, second, ...more] };
}

async function expectLost(disk: MemoryDisk, segments: Two, lost: readonly number[]): Promise<void> {
  const { spool, records, nextOffset } = await openAndRead(disk, SEGMENT_BYTES);
  const there = new Set(records.map(({ offset }) => offset));
  const missing = Array.from({ length: 90 }, (_, offset) => offset).filter((offset) => !there.has(offset));
  expect(missing).toEqual(lost);
  expect([nextOffset, spool.state.damaged]).toEqual([90, lost.length]);
  expect(wrongPayloads(records, segments)).toEqual([]);
  await spool.close();
}

/** One byte in the middle of its body. */
function corrupt(disk: MemoryDisk, segment: WrittenSegment, index: number): void {
  const bytes = Uint8Array.from(disk.bytesOf(segment.path));
  const { from = 0, to = 0 } = segment.places[index] ?? {};
  const at = (from + to) >>> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  disk.put(segment.path, bytes);
}
