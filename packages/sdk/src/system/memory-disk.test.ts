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
