import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Event, Run } from "@sluice/sdk";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { llmRun, outgoing } from "../../testing/outgoing.ts";
import type { Sink } from "../define.ts";
import { sqliteSink } from "./sink.ts";

let directory: string;
const opened: Sink[] = [];
const forever = new AbortController().signal;
const START = "2026-01-01T00:00:00.000Z";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-sqlite-"));
});

afterEach(async () => {
  for (const sink of opened.splice(0)) await sink.close();
  rmSync(directory, { recursive: true });
});

async function openSink(settings: Record<string, unknown> = {}): Promise<Sink> {
  const context = { name: "sqlite", clock: systemClock, disk: systemDisk, dataDir: directory, warn() {} };
  const sink = await sqliteSink.open(sqliteSink.options.parse(settings), context);
  opened.push(sink);
  return sink;
}

function query(sql: string, file = "events.db"): Record<string, unknown>[] {
  const database = new DatabaseSync(join(directory, file), { readOnly: true });
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

function ended(runId: string, run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const base = llmRun({ runId, ...event });
  return { ...base, run: { type: "llm", startTime: START, status: "ok", ...base.run, ...run } };
}

test("an event has its row with its JSON as it came, byte for byte, and its run a wide one", async () => {
  const sink = await openSink();
  const event = ended("r-1", {}, { id: "e-1" });
  const raw = `{ "id":"e-1",  "kind":"run.ended","time":"${event.time}","runId":"r-1",
    "run":${JSON.stringify(event.run)},"n":9007199254740993,"f":1.50 }`;

  expect(await sink.send([{ ...outgoing(event), raw: Buffer.from(raw) }], forever)).toEqual({
    status: "delivered",
  });

  expect(query("SELECT id, kind, raw, typeof(raw) AS type FROM events")).toEqual([
    { id: "e-1", kind: "run.ended", raw, type: "text" },
  ]);
  expect(query("SELECT run_id, event_id, status, duration_ms, total_tokens, cost_usd FROM runs")).toEqual([
    { run_id: "r-1", event_id: "e-1", status: "ok", duration_ms: 1_000, total_tokens: 7, cost_usd: null },
  ]);
  expect(statSync(join(directory, "events.db")).mode & 0o777).toBe(0o600);
});

test("a redelivery, in one batch or another or by another process, is no second row", async () => {
  const batch = [ended("r-1"), ended("r-2")].map(outgoing);
  const sink = await openSink();
  await sink.send([...batch, ...batch], forever);
  await sink.close();

  const next = await openSink();
  expect(await next.send(batch, forever)).toEqual({ status: "delivered" });

  expect(
    query("SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM runs) AS runs"),
  ).toEqual([{ events: 2, runs: 2 }]);
});

test("revision 2 takes the run's row, and neither a start nor revision 1 takes it back", async () => {
  const sink = await openSink();
  const start = { ...ended("r-1", {}, { id: "s" }), kind: "run.started" };
  const first = ended("r-1", { status: "incomplete" }, { id: "e-1" });
  const second = ended("r-1", { status: "ok", revision: 2 }, { id: "e-2" });

  for (const event of [start, first, second, first, start]) await sink.send([outgoing(event)], forever);

  expect(query("SELECT event_id, revision, status FROM runs")).toEqual([
    { event_id: "e-2", revision: 2, status: "ok" },
  ]);
  expect(query("SELECT id FROM events ORDER BY id")).toEqual([{ id: "e-1" }, { id: "e-2" }, { id: "s" }]);
});

test("the views give tokens and cost per model and day, and an unknown cost is no 0", async () => {
  const sink = await openSink();
  const usage = { input: 10, output: 5, source: "provider" } as const;
  const cost = { totalUsd: 0.25, prices: "table" } as const;
  const runs = [
    ended("1", { usage, cost }, { session: { id: "s" } }),
    ended("2", { usage }, { session: { id: "s" } }),
    ended("3", { request: { model: "local" }, usage, startTime: "2026-01-02T00:00:00Z" }),
    ended("4", { status: "error", error: { message: "no", type: "rate_limit" }, http: { status: 429 } }),
    { ...ended("5"), kind: "run.started", run: { type: "llm", request: { model: "local" } } },
    // Its tokens are those of its calls.
    ended("6", { type: "agent", usage, cost }, { session: { id: "s" } }),
  ];

  await sink.send(runs.map(outgoing), forever);

  const columns = "day, model, runs, total_tokens, cost_usd, runs_without_cost";
  expect(query(`SELECT ${columns} FROM usage_by_model_and_day ORDER BY day`)).toEqual([
    {
      day: "2026-01-01",
      model: "gpt-4.1-mini",
      runs: 3,
      total_tokens: 37,
      cost_usd: 0.25,
      runs_without_cost: 2,
    },
    { day: "2026-01-02", model: "local", runs: 1, total_tokens: 15, cost_usd: null, runs_without_cost: 1 },
  ]);
  expect(query("SELECT day, status, error_type, http_status, runs FROM failures_by_day")).toEqual([
    { day: "2026-01-01", status: "error", error_type: "rate_limit", http_status: 429, runs: 1 },
  ]);
  expect(query("SELECT session_id, runs, total_tokens FROM session_totals")).toEqual([
    { session_id: "s", runs: 3, total_tokens: 30 },
  ]);
});

test("an event that cannot be read costs itself alone", async () => {
  const sink = await openSink();
  const broken = { ...outgoing(ended("r-0")), raw: Buffer.from("{") };

  expect(await sink.send([broken, outgoing(ended("r-1"))], forever)).toEqual({
    status: "mixed",
    each: [{ status: "rejected", reason: "the event cannot be read" }, { status: "delivered" }],
  });
});

test("a schema that a newer sluice has made pauses the sink and is left as it is", async () => {
  await (await openSink()).send([outgoing(ended("r-1"))], forever);
  await opened.pop()?.close();
  const database = new DatabaseSync(join(directory, "events.db"));
  database.exec("INSERT INTO sluice_migrations VALUES (7, 'tomorrow')");
  database.close();
  const sink = await openSink();

  expect(await sink.send([outgoing(ended("r-2"))], forever)).toEqual({
    status: "blocked",
    reason: expect.stringMatching(/newer sluice \(schema 7, this one knows 1\): update sluice/),
  });
  expect(query("SELECT run_id FROM runs")).toEqual([{ run_id: "r-1" }]);
});

test("two that make the tables at once both deliver", async () => {
  const sinks = await Promise.all([openSink(), openSink(), openSink()]);

  const sent = sinks.map((sink, index) => sink.send([outgoing(ended(`r-${index}`))], forever));

  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([
    "delivered",
    "delivered",
    "delivered",
  ]);
  expect(query("SELECT version FROM sluice_migrations")).toEqual([{ version: 1 }]);
});

test("somebody else's tables of these names pause the sink, and nothing of theirs is touched", async () => {
  const database = new DatabaseSync(join(directory, "events.db"));
  database.exec("CREATE TABLE events (mine); INSERT INTO events VALUES ('kept')");
  database.close();

  expect(await (await openSink()).send([outgoing(ended("r-1"))], forever)).toMatchObject({
    status: "blocked",
    reason: expect.stringContaining("give this sink a file of its own"),
  });
  expect(query("SELECT mine FROM events")).toEqual([{ mine: "kept" }]);
});

test("a file that is no database, and one that is damaged, pause the sink with a sentence", async () => {
  writeFileSync(join(directory, "letter"), "Dear database, I am a letter. ".repeat(200));
  const sink = await openSink();
  await sink.send(
    Array.from({ length: 50 }, (_, index) => outgoing(ended(`r-${index}`))),
    forever,
  );
  await sink.close();
  const size = statSync(join(directory, "events.db")).size;
  const hurt = Buffer.alloc(size - 100, 0xa5);
  readFileSync(join(directory, "events.db")).copy(hurt, 0, 0, 100);
  writeFileSync(join(directory, "hurt.db"), hurt);

  const letter = await openSink({ path: "letter" });
  const damaged = await openSink({ path: "hurt.db" });

  expect(await letter.send([outgoing(ended("x"))], forever)).toMatchObject({
    status: "blocked",
    reason: expect.stringContaining("no SQLite database"),
  });
  expect(await damaged.send([outgoing(ended("x"))], forever)).toMatchObject({
    status: "blocked",
    reason: expect.stringContaining("damaged"),
  });
});

test("a program that holds the lock makes the batch wait, then be tried again, and costs nothing", async () => {
  const sink = await openSink({ busy_timeout_ms: 20 });
  await sink.send([outgoing(ended("r-1"))], forever);
  const other = new DatabaseSync(join(directory, "events.db"));
  other.exec("BEGIN IMMEDIATE");

  const busy = await sink.send([outgoing(ended("r-2"))], forever);
  other.exec("COMMIT");
  other.close();

  expect(busy).toMatchObject({ status: "retry", reason: expect.stringContaining("locked") });
  expect(await sink.send([outgoing(ended("r-2"))], forever)).toEqual({ status: "delivered" });
});

test("a send that waits for somebody's lock ends at once with its signal", async () => {
  const sink = await openSink({ busy_timeout_ms: 1_000 });
  await sink.send([outgoing(ended("r-1"))], forever);
  const other = new DatabaseSync(join(directory, "events.db"));
  other.exec("BEGIN IMMEDIATE");
  const controller = new AbortController();

  const sending = sink.send([outgoing(ended("r-2"))], controller.signal);
  const startedAtMs = systemClock.monotonicMs();
  controller.abort();

  expect(await sending).toEqual({ status: "retry", reason: "stopped while it was written" });
  expect(systemClock.monotonicMs() - startedAtMs).toBeLessThan(100);
  other.close();
});

test("a reader with an old view of the data is not in the way", async () => {
  const sink = await openSink({ busy_timeout_ms: 0 });
  await sink.send([outgoing(ended("r-1"))], forever);
  const reader = new DatabaseSync(join(directory, "events.db"), { readOnly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM runs").get();

  expect(await sink.send([outgoing(ended("r-2"))], forever)).toEqual({ status: "delivered" });
  expect(reader.prepare("SELECT count(*) AS runs FROM runs").get()).toMatchObject({ runs: 1 });
  reader.close();
});

test("a file that is moved away while it is written is made anew: nothing goes where nobody looks", async () => {
  const sink = await openSink();
  await sink.send([outgoing(ended("r-1"))], forever);
  for (const end of ["", "-wal", "-shm"]) {
    if (existsSync(join(directory, `events.db${end}`))) {
      renameSync(join(directory, `events.db${end}`), join(directory, `old.db${end}`));
    }
  }

  expect(await sink.send([outgoing(ended("r-2"))], forever)).toEqual({ status: "delivered" });

  expect(query("SELECT run_id FROM runs")).toEqual([{ run_id: "r-2" }]);
  expect(query("SELECT run_id FROM runs", "old.db")).toEqual([{ run_id: "r-1" }]);
});

test("a data directory that is gone is not made anew", async () => {
  const context = {
    name: "sqlite",
    clock: systemClock,
    disk: systemDisk,
    dataDir: join(directory, "gone"),
    warn() {},
  };
  const sink = await sqliteSink.open(sqliteSink.options.parse({}), context);
  opened.push(sink);

  expect((await sink.send([outgoing(ended("r-1"))], forever)).status).toBe("blocked");
  expect(existsSync(join(directory, "gone"))).toBe(false);
});

test.each(["", "a\0b", ":memory:", "file:x?mode=memory"])("a path is refused: %j", (path) => {
  expect(sqliteSink.options.safeParse({ path }).success).toBe(false);
});
