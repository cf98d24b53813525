import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { takeOwner } from "./owner.ts";

const directories: string[] = [];
afterEach(async () => {
  for (const path of directories.splice(0)) await rm(path, { recursive: true });
});

async function aDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "sluice-owner-"));
  directories.push(path);
  return path;
}

function take(dataDir: string) {
  const me = { pid: 4242, hostName: "somewhere" };
  return takeOwner({ dataDir, disk: systemDisk, clock: systemClock, version: "1.2.3", process: me });
}

test("a second owner is refused within a second and told who the first is (T18)", async () => {
  const dataDir = await aDirectory();
  const owner = await take(dataDir);
  const startMs = performance.now();

  await expect(take(dataDir)).rejects.toMatchObject({
    code: "DATA_DIR_BUSY",
    exit: 75,
    message: expect.stringContaining("process 4242 on somewhere"),
  });

  expect(performance.now() - startMs).toBeLessThan(1_000);
  await owner.release();
  await (await take(dataDir)).release();
});

test("another process is refused while the owner lives, and a stale owner.json keeps nobody out", async () => {
  const dataDir = await aDirectory();
  const owner = await take(dataDir);
  const script = `
    const { DatabaseSync } = require("node:sqlite");
    const database = new DatabaseSync(process.argv[1], { timeout: 0 });
    try { database.exec("BEGIN EXCLUSIVE"); console.log("taken"); } catch (error) { console.log(error.message); }`;
  const tryOther = async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", script, join(dataDir, "owner.db")]);
    return stdout.trim();
  };

  expect(await tryOther()).toBe("database is locked");
  await owner.release();

  expect(JSON.parse(await readFile(join(dataDir, "owner.json"), "utf8"))).toMatchObject({
    pid: 4242,
    version: "1.2.3",
  });
  expect(await tryOther()).toBe("taken");
});

test("the lock and the note are private", async () => {
  const dataDir = await aDirectory();
  const owner = await take(dataDir);

  const modes = await Promise.all(["owner.db", "owner.json"].map((name) => stat(join(dataDir, name))));

  expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o600, 0o600]);
  await owner.release();
});

test("a data dir that cannot be one is refused with what to do", async () => {
  const path = join(await aDirectory(), "file");
  await writeFile(path, "");

  await expect(take(path)).rejects.toMatchObject({ code: "DATA_DIR_UNUSABLE", exit: 77 });
});
