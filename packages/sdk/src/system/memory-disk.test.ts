import { expect, test } from "vitest";
import { MemoryDisk } from "./memory-disk.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test("a power cut keeps what was synced: bytes with their file, names with their directory", async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/d");
  const directory = await disk.open("/d", "read");
  const kept = await disk.open("/d/kept", "create");
  kept.write(Buffer.from("synced"), 0);
  await kept.sync();
  await directory.sync();
  kept.write(Buffer.from("SYN, and more"), 0);
  const unnamed = await disk.open("/d/unnamed", "create");
  unnamed.write(Buffer.from("x"), 0);
  await unnamed.sync();

  disk.crash();

  expect(disk.paths).toEqual(["/d/kept"]);
  expect(text(disk.bytesOf("/d/kept"))).toBe("synced");
  expect(() => kept.write(Buffer.from("late"), 0)).toThrow("EBADF");
});

test("a full disk takes a part without an error, and then nothing", async () => {
  const disk = new MemoryDisk(10);
  const file = await disk.open("/f", "create");

  expect(file.write(Buffer.alloc(8), 0)).toBe(8);
  expect(file.write(Buffer.alloc(8), 8)).toBe(2);
  expect(() => file.write(Buffer.alloc(8), 10)).toThrow("ENOSPC");
  expect(file.write(Buffer.alloc(8), 0)).toBe(8);
  expect(await disk.freeBytes()).toBe(0);
});

test("what a failed sync has lost can be read, and no later sync brings it to the disk", async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/d");
  const file = await disk.open("/d/f", "write");
  await (await disk.open("/d", "read")).sync();
  file.write(Buffer.from("lost"), 0);
  disk.loseChanges(file);
  file.write(Buffer.from("kept"), 4);
  await file.sync();
  const before = text(disk.bytesOf("/d/f"));

  disk.crash();

  expect(before).toBe("lostkept");
  expect(text(disk.bytesOf("/d/f"))).toBe("\0\0\0\0kept");
});

test("a volume can be made smaller and larger while it is in use", async () => {
  const disk = new MemoryDisk();
  const file = await disk.open("/d/f", "write");
  file.write(Buffer.alloc(10), 0);

  disk.capacityBytes = disk.usedBytes + 5;
  const short = file.write(Buffer.alloc(10), 10);
  disk.capacityBytes = Number.POSITIVE_INFINITY;

  expect(short).toBe(5);
  expect(file.write(Buffer.alloc(5), 15)).toBe(5);
});

test("what was written stays what it was when the writer uses its buffer again", async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/d");
  const file = await disk.open("/d/f", "write");
  await (await disk.open("/d", "read")).sync();
  const buffer = Buffer.from("first");
  file.write(buffer, 0);
  buffer.write("other");
  await file.sync();

  disk.crash();

  expect(text(disk.bytesOf("/d/f"))).toBe("first");
});
