import { MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import {
  offsetsOf,
  openTestSpool,
  readAll,
  segmentPaths,
  someRecords,
  TEST_DATA_DIR,
} from "../../testing/spool-fixture.ts";

test("what is appended to a segment whose maker died before its name was durable survives the power (P1)", async () => {
  const disk = new MemoryDisk();
  await (await openTestSpool(disk)).close();
  const made = await openTestSpool(disk);
  await made.append(someRecords(0, 1));
  const [path = ""] = segmentPaths(disk);
  const whole = disk.bytesOf(path);
  // As if it had died between the rename and the sync of the directory.
  await disk.remove(path);
  await (await disk.open(`${TEST_DATA_DIR}/spool`, "read")).sync();
  const file = await disk.open(path, "create");
  file.write(whole, 0);
  await file.sync();

  await (await openTestSpool(disk)).append(someRecords(1, 1));
  disk.crash();

  expect(offsetsOf(await readAll(await openTestSpool(disk)))).toEqual([0, 1]);
});
