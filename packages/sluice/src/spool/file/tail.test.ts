import { type Fault, faultyDisk, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { aRecord, offsetsOf, openTestSpool, someRecords, statusesOf } from "../../testing/spool-fixture.ts";
import { Received } from "../received.ts";
import type { SpoolRecord } from "../spool.ts";
import { StoredRecord } from "../stored-record.ts";
import { keptBody, Tail } from "./tail.ts";

const never = new AbortController().signal;
const KIBIBYTE = 1024;

function someStored(from: number, count: number, bytes = KIBIBYTE): StoredRecord[] {
  return Array.from({ length: count }, (_, index) => {
    return new StoredRecord(from + index, 2, 0, 0, 0, new Uint8Array(new ArrayBuffer(bytes)));
  });
}

function offsetsFrom(tail: Tail, offset: number): number[] | undefined {
  const taken: StoredRecord[] = [];
  const isHeld = tail.take(offset, taken, { records: 5_000, bytes: Number.POSITIVE_INFINITY });
  return isHeld ? taken.map((record) => record.offset) : undefined;
}

test("the newest records stay and the oldest go, as many as the bytes allow", () => {
  const tail = new Tail(64 * KIBIBYTE);

  for (let from = 0; from < 4_000; from += 10) {
    tail.push(someStored(from, 10));
    offsetsFrom(tail, from);
  }

  const first = [...Array(4_000).keys()].find((offset) => offsetsFrom(tail, offset)) ?? -1;
  expect(4_000 - first).toBe(Math.floor((64 * KIBIBYTE) / (KIBIBYTE + 256)));
  expect(offsetsFrom(tail, first)).toEqual(
    Array.from({ length: 4_000 - first }, (_, index) => first + index),
  );
  expect(offsetsFrom(tail, 4_000)).toBeUndefined();
});

test("a buffer that neighbours share counts once, and a group larger than the limit leaves nothing", () => {
  const tail = new Tail(64 * KIBIBYTE);
  const shared = new Uint8Array(60 * KIBIBYTE);
  const slices = [0, 1, 2].map((offset) => new StoredRecord(offset, 2, 0, 0, 0, shared.subarray(offset, 9)));

  tail.push(slices);
  const sharing = offsetsFrom(tail, 0);
  tail.push(someStored(3, 1, 65 * KIBIBYTE));

  expect(sharing).toEqual([0, 1, 2]);
  expect([0, 1, 2, 3].filter((offset) => offsetsFrom(tail, offset))).toEqual([]);
});

test("what is trimmed away is not handed out, and what follows is", () => {
  const tail = new Tail();
  tail.push(someStored(10, 10));

  tail.dropBelow(15);
  tail.dropBelow(12);

  expect(offsetsFrom(tail, 14)).toBeUndefined();
  expect(offsetsFrom(tail, 15)).toEqual([15, 16, 17, 18, 19]);
});

test("a small slice of a large buffer is copied, everything else is kept as it is", () => {
  const large = Buffer.alloc(1024 * KIBIBYTE, 1);
  const small = Buffer.alloc(100 * KIBIBYTE, 1);

  const copy = keptBody(large.subarray(7, 9));

  expect(copy).toEqual(Buffer.from([1, 1]));
  expect(copy.buffer).not.toBe(large.buffer);
  expect(keptBody(large).buffer).toBe(large.buffer);
  expect(keptBody(small.subarray(7, 9)).buffer).toBe(small.buffer);
});

test("all readers get the same objects, equal to what is read back from the disk", async () => {
  const disk = new MemoryDisk();
  const records = [
    aRecord(0, { runId: "run", orderKey: "trace", flags: 129, kindCode: 2 }),
    aRecord(1, { runId: "run", orderKey: "run" }),
    aRecord(2, { received: new Received(Buffer.from("as received")) }),
  ];
  const spool = await openTestSpool(disk);
  await spool.append(records);
  const limit = { records: 10, bytes: 10_000 };

  const [first, second] = await Promise.all([spool.read(0, 0, limit, never), spool.read(0, 0, limit, never)]);
  await spool.close();
  const reopened = await openTestSpool(disk);
  const readBack = await reopened.read(0, 0, limit, never);

  expect(first).toHaveLength(3);
  for (const [index, record] of first.entries()) expect(second[index]).toBe(record);
  expect(first.map(plain)).toEqual(readBack.map(plain));
});

test("a group that was not stored is never handed out", async () => {
  let fault: Fault | undefined;
  const disk = faultyDisk(new MemoryDisk(), ({ operation }) => (operation === "sync" ? fault : undefined));
  const spool = await openTestSpool(disk);
  await spool.append(someRecords(0, 2));

  fault = { code: "EIO" };
  const refused = await spool.append(someRecords(2, 3));

  expect(statusesOf(refused)).toEqual(["failed", "failed", "failed"]);
  expect(offsetsOf(await spool.read(0, 0, { records: 10, bytes: 10_000 }, never))).toEqual([0, 1]);
});

function plain({ offset, kindCode, flags, runKey, orderKey, body }: SpoolRecord) {
  return { offset, kindCode, flags, runKey, orderKey, body: Buffer.from(body).toString() };
}

test("while nobody reads nothing is kept, and the next reader finds what comes after it", () => {
  const tail = new Tail(64 * KIBIBYTE);
  for (let from = 0; from < 1_000; from += 10) tail.push(someStored(from, 10));

  const held = offsetsFrom(tail, 999);
  tail.push(someStored(1_000, 10));

  expect(held).toBeUndefined();
  expect(offsetsFrom(tail, 1_000)).toEqual(someStored(1_000, 10).map(({ offset }) => offset));
});
