import type { Event, Run } from "@sluice/sdk";
import { decodeEvent, systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { llmRun, outgoing } from "../../testing/outgoing.ts";
import { type Relay, startRelay } from "../../testing/relay.ts";
import type { Outgoing, Sink } from "../define.ts";
import { createTestDatabase, hasServer, type TestDatabase } from "./server.test-support.ts";
import { loadDriver } from "./session.ts";
import { postgresSink } from "./sink.ts";

const forever = new AbortController().signal;
const START = "2026-01-01T00:00:00.000Z";

function ended(runId: string, run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const base = llmRun({ runId, ...event });
  return { ...base, run: { type: "llm", startTime: START, status: "ok", ...base.run, ...run } };
}

function spooled(json: string): Outgoing {
  const raw = Buffer.from(json);
  const event = decodeEvent(raw);
  return { id: event.id, raw, event };
}

test("without its package the sink says what to install", async () => {
  await expect(loadDriver(() => Promise.reject(new Error("not found")))).rejects.toThrow(
    "the postgres sink needs the package postgres beside sluice: npm install postgres",
  );
});

test("a URL that cannot be read pauses the sink, and is not shown", async () => {
  const context = { name: "postgres", clock: systemClock, disk: systemDisk, dataDir: "/", warn() {} };
  const settings = postgresSink.options.parse({ url: "postgres://ann:100%canary@127.0.0.1/x" });
  const sink = await postgresSink.open(settings, context);

  expect(await sink.send([outgoing(ended("r-1"))], forever)).toEqual({
    status: "blocked",
    reason: "its url cannot be read (URI malformed)",
  });
  await sink.close();
});

describe.skipIf(!(await hasServer()))("with a real server", () => {
  let database: TestDatabase;
  let relay: Relay;
  let schema: string;
  let schemas = 0;
  const opened: Sink[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(async () => {
    await database.drop();
  });

  beforeEach(async () => {
    schema = `schema_${++schemas}`;
    relay = await startRelay(database.host, database.port);
  });

  afterEach(async () => {
    for (const sink of opened.splice(0)) await sink.close();
    await relay.close();
  });

  async function openSink(settings: Record<string, unknown> = {}): Promise<Sink> {
    const context = { name: "postgres", clock: systemClock, disk: systemDisk, dataDir: "/", warn() {} };
    const options = { url: database.url(relay.port), schema, ...settings };
    const sink = await postgresSink.open(postgresSink.options.parse(options), context);
    opened.push(sink);
    return sink;
  }

  const send = (sink: Sink, ...events: readonly Event[]) => sink.send(events.map(outgoing), forever);
  const runIds = async () =>
    (await database.query(`SELECT run_id FROM ${schema}.runs ORDER BY 1`)).map((row) => row["run_id"]);
  const activity = `SELECT pid, wait_event_type, state FROM pg_stat_activity
    WHERE application_name = 'sluice' AND state = 'active' AND datname = current_database()`;

  /** Waits until the server says so. */
  async function until(statement: string, isSo: (rows: Record<string, unknown>[]) => boolean): Promise<void> {
    for (let tries = 0; tries < 200; tries++) if (isSo(await database.query(statement))) return;
    throw new Error(`it did not come true: ${statement}`);
  }

  test("an event has its row with its JSON as it came, byte for byte, and its run a wide one", async () => {
    const sink = await openSink();
    const raw = `{ "id":"e-1",  "kind":"run.ended","time":"2026-01-01T00:00:01Z","runId":"r-1","tags":["a"],
      "run":{"type":"llm","status":"ok","startTime":"${START}","usage":{"input":10.0,"source":"provider"},
      "request":{"stream":true}},"n":9007199254740993,"f":1.50,"f":1e400000 }`;

    expect(await sink.send([spooled(raw)], forever)).toEqual({ status: "delivered" });

    expect(await database.query(`SELECT id, kind, raw::text AS raw FROM ${schema}.events`)).toEqual([
      { id: "e-1", kind: "run.ended", raw },
    ]);
    expect(
      await database.query(
        `SELECT run_id, stream, tags, prompt_tokens, cost_usd, duration_ms, start_time FROM ${schema}.runs`,
      ),
    ).toEqual([
      {
        run_id: "r-1",
        stream: true,
        tags: ["a"],
        prompt_tokens: "10",
        cost_usd: null,
        duration_ms: "1000",
        start_time: new Date(START),
      },
    ]);
  });

  test("a redelivery, in one batch or another or by another process, is no second row", async () => {
    const events = [ended("r-1"), ended("r-2")];
    await send(await openSink(), ...events, ...events);

    expect(await send(await openSink(), ...events.toReversed())).toEqual({ status: "delivered" });

    expect(await runIds()).toEqual(["r-1", "r-2"]);
    expect(await database.query(`SELECT count(*)::int AS events FROM ${schema}.events`)).toEqual([
      { events: 2 },
    ]);
  });

  test("revision 2 takes the run's row, also within a batch, and nothing takes it back", async () => {
    const sink = await openSink();
    const start = { ...ended("r-1", {}, { id: "s" }), kind: "run.started" };
    const first = ended("r-1", { status: "incomplete" }, { id: "e-1" });
    const second = ended("r-1", { status: "ok", revision: 2 }, { id: "e-2" });

    await send(sink, start, second, first, start);
    await send(sink, first);
    await send(sink, start);

    expect(await database.query(`SELECT event_id, revision, status FROM ${schema}.runs`)).toEqual([
      { event_id: "e-2", revision: "2", status: "ok" },
    ]);
  });

  test("the views give tokens and cost per model and day, and an unknown cost is no 0", async () => {
    const sink = await openSink();
    const usage = { input: 10, output: 5, source: "provider" } as const;
    await send(
      sink,
      ended("1", { usage, cost: { totalUsd: 0.25, prices: "table" } }, { session: { id: "s" } }),
      ended("2", { usage }, { session: { id: "s" } }),
      ended("3", { request: { model: "local" }, usage, startTime: "2026-01-02T00:00:00Z" }),
      ended("4", { status: "error", error: { message: "no", type: "rate_limit" }, http: { status: 429 } }),
      ended("5", { type: "agent", usage }, { session: { id: "s" } }),
    );

    const columns = "day::text, model, runs::int, total_tokens::int, cost_usd, runs_without_cost::int";
    expect(
      await database.query(`SELECT ${columns} FROM ${schema}.usage_by_model_and_day ORDER BY 1`),
    ).toEqual([
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
    expect(await database.query(`SELECT error_type, runs::int FROM ${schema}.failures_by_day`)).toEqual([
      { error_type: "rate_limit", runs: 1 },
    ]);
    expect(
      await database.query(`SELECT session_id, total_tokens::int FROM ${schema}.session_totals`),
    ).toEqual([{ session_id: "s", total_tokens: 30 }]);
  });

  test("NUL, half a pair, a far number, the year 0 and long names are stored, and every row can be queried", async () => {
    const sink = await openSink();
    const odd = (id: string, more: string) =>
      spooled(
        `{"id":"${id}","kind":"run.ended","time":"0000-01-01T00:00:00Z","runId":"r-${id}","run":{"type":"llm",
         "status":"ok","startTime":"0000-01-01T00:00:00Z","name":"a\\u0000b\\ud83e\\\\u0000"},${more}}`,
      );
    const long = Array.from({ length: 1_000 }, (_, n) =>
      String.fromCodePoint(0x4e00 + ((n * 7_919) % 20_000)),
    );

    const delivery = await sink.send(
      [
        odd("1", '"metadata":{"far":1e200000,"nul":"\\u0000"}'),
        odd("2", `"session":{"id":"${long.join("")}"},"scope":{"kind":"user","id":"${long.join("")}"}`),
        outgoing(ended("r-3")),
      ],
      forever,
    );

    expect(delivery).toEqual({ status: "delivered" });
    expect(
      await database.query(
        `SELECT raw->'run'->>'name' AS name, extract(year FROM time)::int AS year FROM ${schema}.events
         WHERE id IN ('1', '2') ORDER BY id`,
      ),
    ).toEqual([1, 2].map(() => ({ name: "a\ufffdb\ufffd\\u0000", year: -1 })));
    expect(
      await database.query(`SELECT metadata->>'far' AS far FROM ${schema}.runs WHERE run_id = 'r-1'`),
    ).toEqual([{ far: "1e200000" }]);
  });

  test("a row that somebody's own constraint refuses is rejected, and nothing of its batch is stored", async () => {
    const sink = await openSink();
    await send(sink, ended("r-1"));
    await database.query(`ALTER TABLE ${schema}.runs ADD CHECK (run_id <> 'bad')`);

    expect(await send(sink, ended("bad"), ended("good"))).toMatchObject({
      status: "rejected",
      reason: expect.stringContaining("PostgreSQL 23514"),
    });
    expect(await send(sink, ended("good"))).toEqual({ status: "delivered" });
    expect(await runIds()).toEqual(["good", "r-1"]);
  });

  test("four that make the tables at once all deliver, and it is done once", async () => {
    const sinks = await Promise.all([openSink(), openSink(), openSink(), openSink()]);

    const sent = await Promise.all(sinks.map((sink, index) => send(sink, ended(`r-${index}`))));

    expect(sent.map(({ status }) => status)).toEqual(Array(4).fill("delivered"));
    expect(await database.query(`SELECT version FROM ${schema}.sluice_migrations`)).toEqual([{ version: 1 }]);
  });

  test("the same events by several daemons at once, each in an order of its own, do not lock each other out", async () => {
    const events = Array.from({ length: 400 }, (_, index) => ended(`r-${index}`));
    const sinks = [await openSink(), await openSink(), await openSink()];
    const orders = [events, events.toReversed(), [...events.slice(200), ...events.slice(0, 200)]];

    const sent = await Promise.all(
      sinks.flatMap((sink, index) => [0, 1].map(() => send(sink, ...(orders[index] ?? [])))),
    );

    expect(sent).toEqual(Array(6).fill({ status: "delivered" }));
    expect(await runIds()).toHaveLength(400);
  });

  test("a schema that a newer sluice has made pauses the sink and is left as it is", async () => {
    await send(await openSink(), ended("r-1"));
    await database.query(`INSERT INTO ${schema}.sluice_migrations VALUES (7)`);

    expect(await send(await openSink(), ended("r-2"))).toEqual({
      status: "blocked",
      reason: expect.stringMatching(/newer sluice \(schema 7, this one knows 1\): update sluice/),
    });
    expect(await runIds()).toEqual(["r-1"]);
  });

  test("somebody else's tables of these names pause the sink, and nothing of theirs is touched", async () => {
    await database.query(`CREATE SCHEMA ${schema}`);
    await database.query(`CREATE TABLE ${schema}.events (mine text)`);

    expect(await send(await openSink(), ended("r-1"))).toMatchObject({
      status: "blocked",
      reason: expect.stringContaining("give this sink a schema of its own"),
    });
  });

  test("a database, a user and a right that are missing pause the sink, and it says which", async () => {
    const role = `${database.name}_role`;
    await database.query(`CREATE ROLE ${role} LOGIN`);
    const sinks = [
      await openSink({ database: "sluice_no_such_database" }),
      await openSink({ user: "sluice_no_such_user", password: "hunter2-canary" }),
      await openSink({ user: role }),
    ];

    const sent = await Promise.all(sinks.map((sink) => send(sink, ended("r-1"))));
    await database.query(`DROP ROLE ${role}`);

    expect(sent).toEqual([
      { status: "blocked", reason: expect.stringContaining("PostgreSQL 3D000") },
      { status: "blocked", reason: expect.stringContaining("PostgreSQL 28000") },
      { status: "blocked", reason: expect.stringContaining("PostgreSQL 42501") },
    ]);
    expect(JSON.stringify(sent)).not.toContain("canary");
  });

  test("a user without the right to make schemas delivers to one that was made for it", async () => {
    const role = `${database.name}_role`;
    await database.query(`CREATE ROLE ${role} LOGIN`);
    await database.query(`CREATE SCHEMA ${schema} AUTHORIZATION ${role}`);

    expect(await send(await openSink({ user: role }), ended("r-1"))).toEqual({ status: "delivered" });

    await database.query(`DROP OWNED BY ${role}`);
    await database.query(`DROP ROLE ${role}`);
  });

  test("an answer that is lost after the commit is tried again, and each event is stored once", async () => {
    const sink = await openSink();
    await send(sink, ended("r-1"));
    const event = ended("r-2");
    // What the server says once it has committed.
    relay.script({ at: "INSERT 0 1", fate: "reset" });

    expect(await send(sink, event)).toMatchObject({ status: "retry" });

    expect(await runIds()).toEqual(["r-1", "r-2"]);
    expect(await send(sink, event)).toEqual({ status: "delivered" });
    expect(await database.query(`SELECT count(*)::int AS events FROM ${schema}.events`)).toEqual([
      { events: 2 },
    ]);
  });

  test("a server that ends the session in the middle of a batch has stored nothing of it, and it is tried again", async () => {
    const sink = await openSink();
    await send(sink, ended("r-1"));
    await database.query(`CREATE FUNCTION ${schema}.kill() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END'`);
    await database.query(`CREATE TRIGGER kill AFTER INSERT ON ${schema}.events
      FOR EACH ROW EXECUTE FUNCTION ${schema}.kill()`);

    expect(await send(sink, ended("r-2"))).toMatchObject({
      status: "retry",
      reason: expect.stringMatching(/57P01|CONNECTION_CLOSED/),
    });
    expect(await runIds()).toEqual(["r-1"]);

    await database.query(`DROP TRIGGER kill ON ${schema}.events`);
    expect(await send(sink, ended("r-2"))).toEqual({ status: "delivered" });
  });

  test("a connection that is gone between two batches is made anew, without a failure", async () => {
    const sink = await openSink();
    await send(sink, ended("r-1"));
    relay.cut();
    await until(activity.replace("AND state = 'active'", ""), (rows) => rows.length === 0);

    expect(await send(sink, ended("r-2"))).toEqual({ status: "delivered" });
  });

  test.each(["hang", "reset", "resetAfterStatus", "loseAnswer"] as const)(
    "a wire that does %s on a connection in use costs a retry, and no event",
    async (step) => {
      const sink = await openSink({ timeout_ms: 1_500 });
      await send(sink, ended("r-1"));
      relay.script(step);

      expect(await send(sink, ended("r-2"))).toMatchObject({ status: "retry" });
      expect(await send(sink, ended("r-2"))).toEqual({ status: "delivered" });
      expect(await runIds()).toEqual(["r-1", "r-2"]);
    },
  );

  test("a batch that waits for somebody's lock ends in time, and the server is told to stop", async () => {
    const sink = await openSink({ timeout_ms: 500 });
    await send(sink, ended("r-1"));
    const locked = database
      .query(`BEGIN; LOCK TABLE ${schema}.runs IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT`)
      .catch(String);
    const lock = "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation IS NOT NULL";
    await until(lock, (rows) => rows.length > 0);

    expect(await send(sink, ended("r-2"))).toEqual({
      status: "retry",
      reason: "PostgreSQL has not answered in 500 ms",
    });
    await until(`${activity} AND query LIKE 'WITH put_runs%'`, (rows) => rows.length === 0);

    await database.query(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'",
    );
    expect(await locked).toContain("cancel");
    expect(await send(sink, ended("r-2"))).toEqual({ status: "delivered" });
  });

  test("a server that does not take a connection is tried again, without its password in the reason", async () => {
    const gone = await startRelay(database.host, database.port);
    await gone.close();
    const url = `postgres://${database.user}:p%40ss-canary@127.0.0.1:${gone.port}/x`;

    const delivery = await send(await openSink({ url }), ended("r-1"));

    expect(delivery).toMatchObject({ status: "retry", reason: expect.stringContaining("ECONNREFUSED") });
    expect(JSON.stringify(delivery)).not.toContain("canary");
  });

  test("a server without TLS is never spoken to in the clear where TLS is asked for", async () => {
    const [row] = await database.query("SHOW ssl");
    if (row?.["ssl"] === "on") return;
    const sinks = [
      await openSink({ tls: "require" }),
      await openSink({ url: `${database.url()}?sslmode=require` }),
    ];

    const sent = await Promise.all(sinks.map((sink) => send(sink, ended("r-1"))));

    for (const delivery of sent) {
      expect(delivery).toEqual({ status: "blocked", reason: expect.stringContaining("has no TLS") });
    }
  });
});
