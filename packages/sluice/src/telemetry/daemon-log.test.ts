import { mkdtempSync, rmSync } from "node:fs";
import { readFile, rename, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemDisk } from "@sluice/sdk/internal";
import { afterEach, expect, test, vi } from "vitest";
import { openDaemonLog } from "./daemon-log.ts";

const directories: string[] = [];

const open: { close(): void }[] = [];

afterEach(() => {
  for (const resource of open.splice(0)) resource.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

test("the log file is private, and a full one gives way and is kept once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-log-"));
  directories.push(directory);
  const path = join(directory, "sluice.log");
  const log = await openDaemonLog(path, systemDisk, 100);
  open.push(log);

  log.write(`${"a".repeat(99)}\n`);
  await vi.waitFor(async () => expect((await stat(`${path}.1`)).size).toBe(100));
  await vi.waitFor(async () => expect((await stat(path)).size).toBe(0));
  log.write("b\n");

  expect(await readFile(path, "utf8")).toBe("b\n");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("a log that somebody else moved away goes on under its own name when it is full", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-log-"));
  directories.push(directory);
  const path = join(directory, "sluice.log");
  const log = await openDaemonLog(path, systemDisk, 100);
  open.push(log);
  await rename(path, join(directory, "moved"));

  log.write(`${"a".repeat(99)}\n`);
  await vi.waitFor(async () => expect((await stat(path)).size).toBe(0));
  log.write("b\n");

  expect(await readFile(path, "utf8")).toBe("b\n");
});
