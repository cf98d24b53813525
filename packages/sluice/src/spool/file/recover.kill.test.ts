import { MemoryDisk, syncDirectory } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import {
  aRecord,
  offsetsOf,
  openTestSpool,
  readAll,
  segmentPaths,
  someRecords,
  TEST_DATA_DIR,
} from "../../testing/spool-fixture.ts";

/**
 * A process was killed between a rename and the sync of its directory: the name is there, and not durable.
 */
async function takeNameBack(disk: MemoryDisk, path: string): Promise<void> {
  const directory = path.slice(0, path.lastIndexOf("/"));
  await disk.rename(path, `${directory}/renamed`);
  await syncDirectory(disk, directory);
  await disk.rename(`${directory}/renamed`, path);
}

test("a segment whose name was not durable yet is gone on with only once it is (P1, P9)", async () => {
  const disk = new MemoryDisk();
  await (await openTestSpool(disk)).append(someRecords(0, 3));
  await takeNameBack(disk, segmentPaths(disk)[0] ?? "");

  await (await openTestSpool(disk)).append([aRecord(3)]);
  disk.crash();

  expect(offsetsOf(await readAll(await openTestSpool(disk)))).toEqual([0, 1, 2, 3]);
});

test("a ledger whose name was not durable yet is committed to only once it is (P9)", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk);
  await spool.commit(await spool.lease("file", 0), Buffer.from("one"), true);
  await takeNameBack(disk, `${TEST_DATA_DIR}/ledgers/file.ledger`);

  const again = await openTestSpool(disk);
  await again.commit(await again.lease("file", 0), Buffer.from("two"), true);
  disk.crash();

  const { ledger } = await (await openTestSpool(disk)).lease("file", 0);
  expect(Buffer.from(ledger ?? []).toString()).toBe("two");
});
