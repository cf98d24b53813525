import { afterEach, beforeEach, expect, test } from "vitest";
import {
  HELICONE_TEST_KEY,
  type HeliconeServer,
  LUNARY_TEST_KEY,
  type LunaryServer,
  startHeliconeServer,
  startLunaryServer,
} from "../../packages/sluice/src/testing/index.ts";
import { eventually, House } from "./daemon.ts";

const PATIENCE_MS = 60_000;
const RUNS = 40;
/** Scores that come before anything is known of their runs: more than Helicone's batches have events. */
const EARLY = 30;

let house: House;
let helicone: HeliconeServer;
let lunary: LunaryServer;

beforeEach(async () => {
  house = new House();
  helicone = await startHeliconeServer();
  lunary = await startLunaryServer();
  house.configure(
    `[[sinks]]\nname = "helicone"\ntype = "helicone"\n` +
      `params = { api_key = "${HELICONE_TEST_KEY}", endpoint = "${helicone.url}" }\n` +
      `[[sinks]]\nname = "lunary"\ntype = "lunary"\n` +
      `params = { api_key = "${LUNARY_TEST_KEY}", endpoint = "${lunary.url}", requests_per_second = 50 }\n`,
  );
});

afterEach(async () => {
  await house.close();
  await helicone.close();
  await lunary.close();
});

test(
  "a daemon that is killed between POST and answer sends the same bytes, ids and start times after its restart",
  async () => {
    await house.start();
    // Everything is done, and nobody hears of it.
    helicone.choose(() => "loseAnswer");
    lunary.choose(() => "loseAnswer");
    await send(Array.from({ length: RUNS }, (_, index) => ended(index)));
    await helicone.received(8);
    await lunary.received(1);
    await house.kill();
    const before = { helicone: sentTo(helicone), lunary: new Map(lunary.runs) };

    helicone.choose(() => "pass");
    lunary.choose(() => "pass");
    await house.start();
    await settled("helicone", "lunary");

    const after = sentTo(helicone);
    expect(before.helicone.size).toBeGreaterThan(0);
    for (const [id, bodies] of before.helicone)
      expect(new Set([...bodies, ...(after.get(id) ?? [])]).size).toBe(1);
    expect(helicone.rows).toHaveLength(RUNS);
    expect(lunary.runs.size).toBe(RUNS);
    for (const [id, run] of before.lunary)
      expect(lunary.runs.get(id)).toMatchObject({ startedAt: run.startedAt });
    expect(lunary.lost).toEqual([]);
  },
  PATIENCE_MS,
);

test(
  "scores find their runs at both, early ones too, and one whose run nobody has holds up nothing",
  async () => {
    await house.start();
    const runs = Array.from({ length: RUNS }, (_, index) => ended(index));
    const scores = runs.map(({ runId }) => ({
      kind: "run.scored",
      runId,
      data: { name: "helpful", value: 1 },
    }));
    const orphan = { kind: "run.scored", runId: uuidOf(999), data: { thumb: "up" } };

    await send([orphan, ...scores.slice(0, EARLY)]);
    await helicone.received(EARLY + 1);
    await send([...runs, ...scores.slice(EARLY)]);
    await eventually(() => (helicone.scores.size === RUNS ? true : undefined), 30_000);
    await eventually(() => (praised() === RUNS ? true : undefined), 30_000);

    expect(helicone.rows).toHaveLength(RUNS);
    expect((await house.sink("lunary")).balance).toMatchObject({ pending: 1, deadLettered: 0 });
    expect((await house.sink("helicone")).balance).toMatchObject({ pending: 1, deadLettered: 0 });
    expect(lunary.lost).toEqual([]);
  },
  PATIENCE_MS,
);

/** Bodies of records, by request id. */
function sentTo(server: HeliconeServer): ReadonlyMap<string, readonly string[]> {
  const bodies = server.requests.map(({ body }) => body.toString());
  const idOf = (body: string) => /"Helicone-Request-Id":"([^"]+)"/.exec(body)?.[1] ?? "";
  return Map.groupBy(bodies, idOf);
}

function praised(): number {
  return [...lunary.runs.values()].filter(({ feedback }) => feedback !== undefined).length;
}

async function settled(...names: readonly string[]): Promise<void> {
  for (const name of names)
    await eventually(async () => ((await house.sink(name)).balance.pending === 0 ? true : undefined), 30_000);
}

async function send(events: readonly object[]): Promise<void> {
  const answer = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(answer.status).toBe(202);
}

function ended(index: number) {
  return {
    kind: "run.ended",
    runId: uuidOf(index),
    time: "2026-11-21T05:00:02Z",
    scope: { kind: "user", id: `user ${index}` },
    run: {
      type: "llm",
      provider: "openai",
      name: "gpt-4o",
      startTime: "2026-11-21T05:00:00Z",
      status: "ok",
      request: { model: "gpt-4o", input: [{ role: "user", content: "Hi" }] },
      response: { output: { role: "assistant", content: "Hello" } },
      usage: { input: 8, output: 3, source: "provider" },
    },
  };
}

function uuidOf(index: number): string {
  return `019aa4f2-3c2a-7b18-9f60-${String(index).padStart(12, "0")}`;
}
