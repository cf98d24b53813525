import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createTestDatabase,
  hasServer,
  type TestDatabase,
} from "../../packages/sluice/src/sinks/postgres/server.test-support.ts";
import { type Relay, startRelay } from "../../packages/sluice/src/testing/relay.ts";
import { eventually, House } from "./daemon.ts";

/**
 * A daemon that is killed after the database has committed, and before it knows: what it sends again is no
 * second row. With PostgreSQL the moment is exact, because a relay keeps the answer back; with SQLite it is
 * the moment in which a reader sees the rows, several times over.
 */
const RUNS = 300;
const ROUNDS = 3;
const PATIENCE_MS = 60_000;

let house: House;

beforeEach(() => {
  house = new House();
});

afterEach(() => house.close());

/** Complete runs whose ids say their round and their place in it. */
async function send(round: number): Promise<void> {
  const runs = Array.from({ length: RUNS }, (_, index) => ({
    kind: "run.ended",
    time: "2026-01-01T00:00:01.000Z",
    runId: `round-${round}-run-${index}`,
    run: { type: "llm", name: "m", status: "ok", startTime: "2026-01-01T00:00:00.000Z" },
  }));
  const body = runs.map((run) => JSON.stringify(run)).join("\n");
  const headers = { "content-type": "application/x-ndjson" };
  const answer = await fetch(`${house.url}/v1/events`, { method: "POST", headers, body });
  expect(answer.status).toBe(202);
}

async function settled(name: string): Promise<void> {
  await eventually(async () => ((await house.sink(name)).balance.pending === 0 ? true : undefined), 20_000);
  expect((await house.sink(name)).balance).toMatchObject({ deadLettered: 0, dropped: {}, skipped: {} });
}

test(
  "a daemon that is killed while SQLite has the rows and it does not know yet stores each event once (P2)",
  async () => {
    house.configure('[[sinks]]\nname = "db"\ntype = "sqlite"\nparams = { path = "events.db" }\n');
    const path = join(house.dataDir, "events.db");
    const count = (what: string): number => {
      if (!existsSync(path)) return 0;
      const database = new DatabaseSync(path, { readOnly: true });
      try {
        return Number(database.prepare(`SELECT count(*) AS count FROM ${what}`).get()?.["count"]);
      } catch {
        return 0; // The tables are being made.
      } finally {
        database.close();
      }
    };

    for (let round = 0; round < ROUNDS; round++) {
      await house.start();
      await send(round);
      await eventually(() => (count("runs") > RUNS * round ? true : undefined), 20_000);
      await house.kill();
    }
    await house.start();
    await settled("db");

    expect([count("events"), count("runs")]).toEqual([RUNS * ROUNDS, RUNS * ROUNDS]);
    expect((await house.sink("db")).balance.delivered).toBe(RUNS * ROUNDS);
    await house.stop();
    expect(await house.run("verify")).toMatchObject({ exit: 0 });
  },
  PATIENCE_MS,
);

describe.skipIf(!(await hasServer()))("with a real PostgreSQL", () => {
  let database: TestDatabase;
  let relay: Relay;

  beforeEach(async () => {
    database = await createTestDatabase();
    relay = await startRelay(database.host, database.port);
  });

  afterEach(async () => {
    await house.close();
    await relay.close();
    await database.drop();
  });

  test(
    "a daemon that is killed between PostgreSQL's commit and its answer stores each event once (P2)",
    async () => {
      house.configure(
        `[[sinks]]\nname = "db"\ntype = "postgres"\nparams = { url = "\${env:DATABASE_URL}" }\n`,
      );
      const environment = { DATABASE_URL: database.url(relay.port) };
      const count = async (what: string) => {
        const made = await database.query("SELECT to_regclass('sluice.runs') IS NOT NULL AS made");
        if (made[0]?.["made"] !== true) return 0;
        return Number((await database.query(`SELECT count(*) AS count FROM sluice.${what}`))[0]?.["count"]);
      };

      for (let round = 0; round < ROUNDS; round++) {
        // Of two batches in flight each has its connection.
        relay.script({ at: "INSERT 0", fate: "hang" }, { at: "INSERT 0", fate: "hang" });
        await house.start(environment);
        await send(round);
        await eventually(async () => ((await count("runs")) > RUNS * round ? true : undefined), 20_000);
        expect((await house.sink("db")).balance.delivered).toBeLessThan(RUNS * (round + 1));
        await house.kill();
      }
      relay.unscript();
      await house.start(environment);
      await settled("db");

      expect([await count("events"), await count("runs")]).toEqual([RUNS * ROUNDS, RUNS * ROUNDS]);
      expect((await house.sink("db")).balance.delivered).toBe(RUNS * ROUNDS);
      expect(house.log).not.toContain(environment.DATABASE_URL);
      await house.stop();
    },
    PATIENCE_MS,
  );
});
