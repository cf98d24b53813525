import { MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import {
  aRecord,
  offsetsOf,
  openTestSpool,
  readAll,
  segmentPaths,
  someRecords,
  statusesOf,
  TEST_DATA_DIR,
} from "../../testing/spool-fixture.ts";
import { Received } from "../received.ts";
import { RECORD_HEADER_BYTES } from "./record.ts";
import { SEGMENT_HEADER_BYTES } from "./segment.ts";

/** Other bytes than those of the record with the same id. */
const OTHER = new Received(Buffer.from("other"));

/** Of each of the records 0 to 9. Zeros lie behind the last of them. */
const RECORD_BYTES = RECORD_HEADER_BYTES + aRecord(0).body.length;
const THREE_RECORDS_END = SEGMENT_HEADER_BYTES + 3 * RECORD_BYTES;

/** A spool of one segment, as its files lie there after a clean stop or after the power went. */
async function aStoppedSpool(records: number, how: "closed" | "killed"): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk);
  await spool.append(someRecords(0, records));
  if (how === "closed") await spool.close();
  else disk.crash();
  return disk;
}

function onlySegment(disk: MemoryDisk): { path: string; bytes: Uint8Array } {
  const [path = ""] = segmentPaths(disk);
  return { path, bytes: Uint8Array.from(disk.bytesOf(path)) };
}

test("what was acknowledged is there after a power cut, and its ids are known (P1, P3)", async () => {
  const disk = await aStoppedSpool(20, "killed");

  const spool = await openTestSpool(disk);

  expect(offsetsOf(await readAll(spool))).toEqual(Array.from({ length: 20 }, (_, offset) => offset));
  expect(spool.state).toMatchObject({ nextOffset: 20, damaged: 0 });
  const outcomes = await spool.append([aRecord(7), aRecord(8, { received: OTHER }), aRecord(20)]);
  expect(outcomes).toEqual([
    { status: "duplicate", offset: 7 },
    { status: "conflict", offset: 8 },
    { status: "appended", offset: 20 },
  ]);
});

test("a last segment that is cut anywhere keeps every whole record and goes on behind it (P8, T11)", async () => {
  const disk = await aStoppedSpool(3, "killed");
  const { path, bytes } = onlySegment(disk);

  for (let size = SEGMENT_HEADER_BYTES; size <= THREE_RECORDS_END; size++) {
    const cut = disk.copy();
    cut.put(path, bytes.subarray(0, size));
    const spool = await openTestSpool(cut);
    const whole = Math.floor((size - SEGMENT_HEADER_BYTES) / RECORD_BYTES);
    const outcomes = await spool.append([aRecord(50)]);
    const numbers = (await readAll(spool)).map(({ event }) => event.id);

    expect(outcomes, `cut at ${size}`).toEqual([{ status: "appended", offset: whole }]);
    expect(numbers).toEqual([...["event-0", "event-1", "event-2"].slice(0, whole), "event-50"]);
    expect(spool.state.damaged).toBe(0);
  }
});

test("a torn tail is cut off the file before anything is written behind it (P8, T11)", async () => {
  const disk = await aStoppedSpool(3, "killed");
  const { path, bytes } = onlySegment(disk);
  disk.put(path, bytes.subarray(0, THREE_RECORDS_END - 7));

  await openTestSpool(disk);

  expect(disk.bytesOf(path)).toHaveLength(THREE_RECORDS_END - RECORD_BYTES);
});

test("a flipped bit costs at most the record it hit, and exactly that many are counted (P8, T10)", async () => {
  const disk = await aStoppedSpool(3, "closed");
  const { path, bytes } = onlySegment(disk);

  // Each of them is flipped in the battery (test/chaos/storage/bit-flips.test.ts); 31 meets every bit of a byte.
  for (let bit = 0; bit < THREE_RECORDS_END * 8; bit += 31) {
    const byte = bit >>> 3;
    const flipped = Uint8Array.from(bytes);
    flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (bit & 7));
    const damagedDisk = disk.copy();
    damagedDisk.put(path, flipped);
    const spool = await openTestSpool(damagedDisk);
    const hit = byte < SEGMENT_HEADER_BYTES ? -1 : Math.floor((byte - SEGMENT_HEADER_BYTES) / RECORD_BYTES);
    const left = [0, 1, 2].filter((offset) => offset !== hit);
    const outcomes = await spool.append([aRecord(3)]);

    expect(offsetsOf(await readAll(spool)), `bit ${bit}`).toEqual([...left, 3]);
    expect(outcomes).toEqual([{ status: "appended", offset: 3 }]);
    expect(spool.state.damaged).toBe(3 - left.length);
  }
});

test("damage is counted once, survives restarts and the trim of its segment, and its bytes are kept", async () => {
  const disk = await aStoppedSpool(3, "closed");
  const { path, bytes } = onlySegment(disk);
  bytes[SEGMENT_HEADER_BYTES + 200] = 0;
  disk.put(path, bytes);

  for (let restart = 0; restart < 3; restart++) {
    const spool = await openTestSpool(disk);
    expect(spool.state.damaged).toBe(1);
    await spool.append([aRecord(10 + restart, { body: Buffer.alloc(60_000, 0x20) })]);
    await spool.close();
  }
  const spool = await openTestSpool(disk);
  await spool.trim(0, 5);
  await spool.close();
  const trimmed = await openTestSpool(disk);

  expect(trimmed.state.firstOffset).toBeGreaterThanOrEqual(3);
  expect(trimmed.state.damaged).toBe(1);
  expect(await disk.list(`${TEST_DATA_DIR}/quarantine`)).toHaveLength(1);
});

test.each([
  ["zeros", 70_000, 0],
  ["garbage", 70_000, 0xa5],
  ["one byte", 1, 0x5a],
])("a tail of %s is no record and no damage", async (_name, length, fill) => {
  const disk = await aStoppedSpool(3, "killed");
  const { path, bytes } = onlySegment(disk);
  disk.put(path, Buffer.concat([bytes, Buffer.alloc(length, fill)]));

  const spool = await openTestSpool(disk);

  expect(spool.state).toMatchObject({ nextOffset: 3, damaged: 0 });
  expect(statusesOf(await spool.append([aRecord(3)]))).toEqual(["appended"]);
  await spool.close();
  expect(offsetsOf(await readAll(await openTestSpool(disk)))).toEqual([0, 1, 2, 3]);
});

test("a record's bytes inside a body are never taken for a record, whatever is damaged around them (T10)", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk);
  await spool.append(someRecords(0, 2));
  const { bytes } = onlySegment(disk);
  // The bytes of record 1, and of a whole segment, as the body of another event.
  const records = bytes.subarray(0, SEGMENT_HEADER_BYTES + 2 * RECORD_BYTES);
  const copies = [records.subarray(SEGMENT_HEADER_BYTES + RECORD_BYTES), records];
  await spool.append(copies.map((body, index) => aRecord(2 + index, { body: Buffer.from(body) })));
  await spool.append([aRecord(4)]);
  await spool.close();
  const stopped = onlySegment(disk);
  const copiedBytes = copies.reduce((sum, copy) => sum + RECORD_HEADER_BYTES + copy.length, 0);
  const end = SEGMENT_HEADER_BYTES + 3 * RECORD_BYTES + copiedBytes;

  for (let byte = SEGMENT_HEADER_BYTES; byte < end; byte++) {
    const damaged = disk.copy();
    const flipped = Uint8Array.from(stopped.bytes);
    flipped[byte] = (flipped[byte] ?? 0) ^ 0x10;
    damaged.put(stopped.path, flipped);
    const opened = await openTestSpool(damaged);
    const offsets = offsetsOf(await readAll(opened));

    expect(offsets, `byte ${byte}`).toHaveLength(4);
    expect(new Set(offsets).size).toBe(4);
    expect(opened.state).toMatchObject({ nextOffset: 5, damaged: 1 });
  }
}, 60_000);

test("a missing segment is counted exactly and nothing behind it is given up (T16)", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk);
  for (let number = 0; number < 6; number++) {
    await spool.append([aRecord(number, { body: Buffer.alloc(40_000, 0x20) })]);
  }
  await spool.close();
  const [first = "", , third = "", ...rest] = segmentPaths(disk);
  await disk.remove(first);
  await disk.remove(third);
  for (const path of rest.slice(-1)) await disk.remove(path);

  const opened = await openTestSpool(disk);

  expect(opened.state).toMatchObject({ nextOffset: 6, damaged: 3 });
  expect(offsetsOf(await readAll(opened))).toEqual([1, 3, 4]);
  expect(await opened.append([aRecord(6)])).toEqual([{ status: "appended", offset: 6 }]);
});

test("files that only look like segments are put aside, and numbers are not used twice (T16)", async () => {
  const disk = await aStoppedSpool(2, "closed");
  const { bytes } = onlySegment(disk);
  const directory = `${TEST_DATA_DIR}/spool`;
  disk.put(`${directory}/000000000007.seg`, bytes);
  disk.put(`${directory}/000000000008.seg`, Buffer.from("nothing"));
  await disk.makeDirectory(`${directory}/000000000009.seg`);
  disk.put(`${directory}/spare`, Buffer.alloc(100_000, 0xff));

  const spool = await openTestSpool(disk);
  for (let number = 2; number < 6; number++) {
    await spool.append([aRecord(number, { body: Buffer.alloc(40_000, 0x20) })]);
  }
  await spool.close();

  const opened = await openTestSpool(disk);
  expect(offsetsOf(await readAll(opened))).toEqual([0, 1, 2, 3, 4, 5]);
  expect(opened.state.damaged).toBe(0);
  expect(await disk.list(`${TEST_DATA_DIR}/quarantine`)).toEqual(["000000000007.seg", "000000000008.seg"]);
});

test("a spool of a newer format is refused and not one byte is changed (T65)", async () => {
  const disk = await aStoppedSpool(2, "closed");
  const { path, bytes } = onlySegment(disk);
  const newer = Buffer.from(bytes);
  const { crc32 } = await import("node:zlib");
  for (const at of [0, 512]) {
    newer.writeUInt16LE(9, at + 10);
    newer.writeUInt32LE(crc32(newer.subarray(at, at + 60)), at + 60);
  }
  disk.put(path, newer);
  const before = disk.paths.map((name) => [name, Buffer.from(disk.bytesOf(name)).toString("hex")]);

  await expect(openTestSpool(disk)).rejects.toMatchObject({ code: "SPOOL_TOO_NEW", exit: 78 });

  expect(disk.paths.map((name) => [name, Buffer.from(disk.bytesOf(name)).toString("hex")])).toEqual(before);
});

test("whatever part of the unsynced sectors survives a power cut, what was acknowledged does (P1, T05)", async () => {
  for (let seed = 0; seed < 300; seed++) {
    const disk = new MemoryDisk();
    const random = seededRandom(seed);
    const acknowledged: string[] = [];
    for (let life = 0; life < 3; life++) {
      const spool = await openTestSpool(disk, { random });
      const first = life * 100;
      let crashed = false;
      const appending = Array.from({ length: 8 }, async (_, call) => {
        const body = Buffer.from(
          JSON.stringify({ id: `event-${first + call}`, pad: "x".repeat(call * 700) }),
        );
        const [outcome] = await spool.append([aRecord(first + call, { body })]);
        if (!crashed && outcome?.status === "appended") acknowledged.push(`event-${first + call}`);
      });
      for (let turn = Math.floor(random.fraction() * 40); turn > 0; turn--) await Promise.resolve();
      crashed = true;
      disk.crash(random);
      await Promise.all(appending);
    }

    const spool = await openTestSpool(disk, { random });
    const ids = (await readAll(spool)).map(({ event }) => event.id);
    expect(ids, `seed ${seed}`).toEqual(expect.arrayContaining(acknowledged));
    expect(new Set(ids).size).toBe(ids.length);
  }
}, 60_000);
