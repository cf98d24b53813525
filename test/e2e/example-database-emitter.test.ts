import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runExample } from "./example.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-example-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("the database has each event once, also when the program runs again", async () => {
  const path = join(directory, "events.db");

  const first = await runExample("database-emitter", [path]);
  const second = await runExample("database-emitter", [path]);

  expect(first).toEqual({
    exit: 0,
    stdout: "cache.hit: 1\norder.placed: 1\n",
    stderr: expect.stringMatching(/^1 events lost: invalid \(kind .*\)\n$/),
  });
  expect(second).toMatchObject({ exit: 0, stdout: "cache.hit: 2\norder.placed: 1\n" });
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare("SELECT id, kind, run, event FROM events ORDER BY kind, id").all();
  database.close();
  expect(rows.map(({ kind, run }) => [kind, run])).toEqual([
    ["cache.hit", "run-1"],
    ["cache.hit", "run-1"],
    ["order.placed", null],
  ]);
  expect(JSON.parse(`${rows[2]?.["event"]}`)).toMatchObject({ id: "order-17", data: { amount: 12.5 } });
});

test("a database that cannot be written loses the batch, says how much, and lets the program go on", async () => {
  const path = join(directory, "events.db");
  const locked = new DatabaseSync(path);
  locked.exec("CREATE TABLE events (id TEXT PRIMARY KEY, event TEXT NOT NULL, kind TEXT)");
  locked.exec(
    "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
  );
  locked.close();

  const { exit, stderr } = await runExample("database-emitter", [path]);

  expect(stderr).toContain("3 events lost: write_failed (the disk is full)");
  expect(exit).toBe(0);
});
