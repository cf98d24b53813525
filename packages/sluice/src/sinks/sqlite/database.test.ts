import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { identityOf, openDatabase } from "./database.ts";

test("a commit is on the disk when it returns, and readers are not in the way", () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-sqlite-"));
  const path = join(directory, "below", "events.db");

  const database = openDatabase({ path, dataDir: directory, busyTimeoutMs: 0 });

  // 2 is FULL: in WAL, the log is synced at every commit.
  expect(database.prepare("PRAGMA synchronous").get()).toMatchObject({ synchronous: 2 });
  expect(database.prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "wal" });
  expect(identityOf(path)).toMatch(/^\d+:\d+$/);
  expect(identityOf(join(directory, "nothing"))).toBeUndefined();
  database.close();
  rmSync(directory, { recursive: true });
});
