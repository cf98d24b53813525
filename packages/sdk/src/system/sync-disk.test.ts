import { mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemSyncDisk as disk } from "./sync-disk.ts";

let path = "";

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "sluice-disk-"));
});

afterEach(() => rmSync(path, { recursive: true, force: true }));

test("what was written is read back, from a file and directories that only we may read", async () => {
  const directory = join(path, "a", "b");
  disk.makeDirectory(directory);
  disk.makeDirectory(directory);
  const file = disk.create(join(directory, "f"));
  const into = Buffer.alloc(10);

  file.write(Buffer.from("hello"), 0);
  file.truncate(4);
  file.write(Buffer.from("!"), 4);

  expect(await file.read(into, 0)).toBe(5);
  expect(into.toString("utf8", 0, 5)).toBe("hell!");
  expect(statSync(join(directory, "f")).mode & 0o777).toBe(0o600);
  expect([path, directory].map((name) => statSync(name).mode & 0o777)).toEqual([0o700, 0o700]);
  expect(disk.bytesIn(directory, () => true)).toBe(5);
  expect(disk.bytesIn(join(path, "none"), () => true)).toBe(0);
  file.close();
});

test("a name that is taken is not opened, also not through a link to nowhere", () => {
  symlinkSync(join(path, "elsewhere"), join(path, "link"));
  disk.create(join(path, "f")).close();

  expect(() => disk.create(join(path, "f"))).toThrow("EEXIST");
  expect(() => disk.create(join(path, "link"))).toThrow("EEXIST");
});

test("a file notices that its name is gone", () => {
  const file = disk.create(join(path, "f"));

  const before = file.touch();
  disk.remove(join(path, "f"));

  expect([before, file.touch()]).toEqual([true, false]);
  file.close();
});

test("a directory that cannot be made is an error, and soon", () => {
  disk.create(join(path, "f")).close();

  expect(() => disk.makeDirectory("/proc/none/such")).toThrow("ENOENT");
  expect(() => disk.makeDirectory(join(path, "f", "below"))).toThrow("ENOTDIR");
});
