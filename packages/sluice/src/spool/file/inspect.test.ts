import { MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import {
  aRecord,
  openTestSpool,
  segmentPaths,
  someRecords,
  TEST_DATA_DIR,
} from "../../testing/spool-fixture.ts";
import { readSpool } from "./inspect.ts";

function contentOf(disk: MemoryDisk): string[][] {
  return disk.paths.map((path) => [path, Buffer.from(disk.bytesOf(path)).toString("base64")]);
}

test("tells what is there, what is lost and the ledgers, and changes nothing, damaged or not", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk);
  await spool.append(someRecords(0, 5));
  await spool.commit(await spool.lease("langfuse@replay/7", 0), Buffer.from("ledger"), false);
  await spool.append([aRecord(5)]);
  await spool.close();
  const [path = ""] = segmentPaths(disk);
  const bytes = Uint8Array.from(disk.bytesOf(path));
  bytes[1024 + 70] = 0;
  disk.put(path, bytes);
  const before = contentOf(disk);

  const content = await readSpool(TEST_DATA_DIR, disk);
  const offsets: number[] = [];
  for await (const record of content.records()) offsets.push(record.offset);

  expect(offsets).toEqual([1, 2, 3, 4, 5]);
  expect(content).toMatchObject({
    firstOffset: 0,
    nextOffset: 6,
    damaged: 1,
    damagedRanges: [{ from: 0, to: 1 }],
  });
  expect([...content.ledgers].map(([route, ledger]) => [route, Buffer.from(ledger).toString()])).toEqual([
    ["langfuse@replay/7", "ledger"],
  ]);
  expect(contentOf(disk)).toEqual(before);
});

test("finds nothing where there is no spool", async () => {
  const content = await readSpool("/nowhere", new MemoryDisk());

  expect(content).toMatchObject({ spoolId: undefined, firstOffset: 0, nextOffset: 0, damaged: 0 });
});
