import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemDisk } from "./disk.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-disk-"));
});

afterAll(() => rmSync(directory, { recursive: true }));

test("a directory is made with all above it, for the owner only; one that is there is fine", async () => {
  const deep = join(directory, "a/b/c");

  await systemDisk.makeDirectory(deep);
  await systemDisk.makeDirectory(deep);

  expect(statSync(deep).mode & 0o777).toBe(0o700);
});

test("a file in the way is said to be no directory", async () => {
  writeFileSync(join(directory, "file"), "");

  await expect(systemDisk.makeDirectory(join(directory, "file"))).rejects.toMatchObject({ code: "ENOTDIR" });
  await expect(systemDisk.makeDirectory(join(directory, "file/x"))).rejects.toMatchObject({
    code: "ENOTDIR",
  });
});

test.runIf(process.platform === "linux")(
  "where nothing can be made the error comes, and nothing spins",
  async () => {
    // Node's own recursive mkdir never returns here.
    await expect(systemDisk.makeDirectory("/proc/sluice/data")).rejects.toMatchObject({ code: "ENOENT" });
  },
);

test("a link to a directory is opened as the directory, and one to a file is refused", async () => {
  mkdirSync(join(directory, "there"));
  writeFileSync(join(directory, "target"), "");
  symlinkSync(join(directory, "there"), join(directory, "linked"));
  symlinkSync(join(directory, "target"), join(directory, "planted"));
  const identityOf = async (name: string) => {
    const handle = await systemDisk.open(join(directory, name), "read");
    const { identity } = await handle.stat();
    await handle.close();
    return identity;
  };

  expect(await identityOf("linked")).toBe(await identityOf("there"));
  for (const mode of ["read", "write"] as const) {
    await expect(systemDisk.open(join(directory, "planted"), mode)).rejects.toMatchObject({ code: "ELOOP" });
  }
});

test.runIf(existsSync("/proc/kallsyms"))(
  "a read gives all there is, though the system gives less at a time (P8)",
  async () => {
    // The kernel makes this one up as it is read, a page at a time.
    const file = await systemDisk.open("/proc/kallsyms", "read");
    const into = new Uint8Array(64 * 1024);

    expect(await file.read(into, 0)).toBe(into.length);
    await file.close();
  },
);
