import { MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { aRecord, offsetsOf, openTestSpool, readAll, segmentPaths } from "../../testing/spool-fixture.ts";

const never = new AbortController().signal;
const MEBIBYTE = 1024 * 1024;
const COUNT = 1_500;
const numbers = Array.from({ length: COUNT }, (_, number) => number);
const medium = (number: number) => aRecord(number, { body: Buffer.alloc(900 + (number % 300), 0x20) });

test.each([
  { records: 1, bytes: 1 },
  { records: 256, bytes: 100_000 },
  { records: 10_000, bytes: 10 * MEBIBYTE },
])("a segment of many blocks is read whole with limits of $records records", async (limit) => {
  const spool = await openTestSpool(new MemoryDisk(), { segmentBytes: MEBIBYTE, tailBytes: 0 });
  await spool.append(numbers.map(medium));

  const seen: number[] = [];
  while (seen.length < COUNT) seen.push(...offsetsOf(await spool.read(0, seen.length, limit, never)));

  expect(seen).toEqual(numbers);
});

test("a reader misses nothing while the segment grows under it", async () => {
  const spool = await openTestSpool(new MemoryDisk(), { segmentBytes: MEBIBYTE });
  const follow = async () => {
    const seen: number[] = [];
    while (seen.length < COUNT) {
      seen.push(...offsetsOf(await spool.read(0, seen.length, { records: 64, bytes: MEBIBYTE }, never)));
    }
    return seen;
  };

  const readers = [follow(), follow()];
  for (let first = 0; first < COUNT; first += 5)
    await spool.append(numbers.slice(first, first + 5).map(medium));

  for (const seen of await Promise.all(readers)) expect(seen).toEqual(numbers);
});

test("damage that appears while the spool is open is skipped, counted once, and costs nothing else", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk, { segmentBytes: MEBIBYTE, tailBytes: 0 });
  await spool.append(numbers.map(medium));
  const [path = ""] = segmentPaths(disk);
  const bytes = disk.bytesOf(path);
  bytes[300_000] = (bytes[300_000] ?? 0) ^ 1;

  const first = offsetsOf(await readBeyond(spool));
  const again = offsetsOf(await readBeyond(spool));

  expect(first).toHaveLength(COUNT - 1);
  expect(again).toEqual(first);
  expect(spool.state.damaged).toBe(1);
  expect(offsetsOf(await readAll(spool))).toEqual(first);
});

async function readBeyond(spool: Awaited<ReturnType<typeof openTestSpool>>) {
  const limit = { records: 10_000, bytes: 10 * MEBIBYTE };
  return spool.read(0, 0, limit, never);
}
