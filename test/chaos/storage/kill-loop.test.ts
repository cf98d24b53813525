import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sinkOfType } from "../../../packages/sluice/src/sinks/registry.ts";
import { type Backend, type Step, startBackend } from "../../../packages/sluice/src/testing/backend.ts";
import { LUNARY_TEST_KEY } from "../../../packages/sluice/src/testing/lunary-server.ts";
import { House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { scaled, seededDraw } from "../scale.ts";
import { Arrivals } from "./arrivals.ts";
import { drained } from "./daemon-status.ts";
import { Producer } from "./producer.ts";

/**
 * SIGKILL at random moments while four producers send events as fast as they are answered, again and again
 * on one data directory. Who was told what, and what arrived where, is written down out here.
 */
const KILLS = scaled({ test: 4, chaos: 200, soak: 2_000 });
const PRODUCERS = ["single", "array", "lines", "single"] as const;
/** Answers that an event survives, each now and then. */
const FAULTS: readonly Step[] = [
  "reset",
  "resetAfterStatus",
  { status: 503 },
  { body: "<html>Log in</html>" },
];

const house = new House();
let backend: Backend;
const atBackend = new Arrivals();

beforeAll(async () => {
  backend = await startBackend({
    answer: ({ json }) => {
      const { events = [] } = json as { readonly events?: readonly { readonly runId: string }[] };
      atBackend.add(new Set(events.map(({ runId }) => runId)));
      return { body: { results: events.map(({ runId }) => ({ id: runId, success: true })) } };
    },
  });
  house.configure(`
    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }

    [[sinks]]
    name = "backend"
    type = "lunary"
    params = { api_key = "${LUNARY_TEST_KEY}", endpoint = "${backend.url}", requests_per_second = 1000 }
  `);
});

afterAll(async () => {
  await house.close();
  await backend.close();
});

test(
  `nothing that was acknowledged is lost over ${KILLS} SIGKILLs, and no start fails (P1, P2, P9, T01)`,
  async () => {
    const random = seededDraw();
    const producers = PRODUCERS.map((form, index) => new Producer(index, form));
    const fileBytes: number[] = [];
    for (let kill = 0; kill <= KILLS; kill++) {
      await house.start();
      backend.script(...FAULTS.filter(() => random.fraction() < 0.5));
      const life = new AbortController();
      const sending = producers.map((producer) => producer.send(house.url, life.signal));
      await passed(50 + random.fraction() * 450);
      if (kill < KILLS) await house.kill();
      life.abort();
      await Promise.all(sending);
      fileBytes.push(fileSize());
      atBackend.nextLife();
      // Their bodies would fill the memory of this process over two thousand lives.
      (backend.requests as unknown[]).length = 0;
    }
    await drained(house);

    const acknowledged = producers.flatMap(({ acknowledged }) => acknowledged);
    const atFile = arrivalsAtFile(fileBytes);
    const letters = deadLetters();
    expect(acknowledged.length, "events were acknowledged").toBeGreaterThan(KILLS);
    expect(acknowledged.filter((id) => !atFile.has(id))).toEqual([]);
    expect(acknowledged.filter((id) => !atBackend.has(id) && !letters.includes(id))).toEqual([]);
    expect(atFile.mostTwice, "duplicates at the file after one kill").toBeLessThanOrEqual(inFlightOf("file"));
    expect(atBackend.mostTwice, "duplicates at the backend").toBeLessThanOrEqual(inFlightOf("lunary"));
    await house.stop();
    const verified = await house.run("verify");
    expect(verified.exit, verified.stderr).toBe(0);
    expect(quarantined(), "no record is blamed for a kill").toEqual([]);

    const under = `${KILLS} SIGKILLs under load, ${acknowledged.length} events acknowledged`;
    figure("P1", `${under}: acknowledged events lost`, 0, "0");
    figure(
      "P1",
      `${under}: duplicates after one kill at the file`,
      atFile.mostTwice,
      `<= ${inFlightOf("file")}`,
    );
    figure(
      "P1",
      `${under}: duplicates after one kill at a backend`,
      atBackend.mostTwice,
      `<= ${inFlightOf("lunary")}`,
    );
    figure("P9", `${under}: starts that failed`, 0, "0");
  },
  scaled({ test: 180_000, chaos: 1_800_000, soak: 7_200_000 }),
);

function inFlightOf(type: string): number {
  const definition = sinkOfType(type);
  return definition ? definition.inFlight * definition.limits.events : 0;
}

function fileSize(): number {
  return statSync(join(house.dataDir, "events.jsonl"), { throwIfNoEntry: false })?.size ?? 0;
}

function arrivalsAtFile(sizes: readonly number[]): Arrivals {
  const arrivals = new Arrivals();
  const text = readFileSync(join(house.dataDir, "events.jsonl"), "latin1");
  let position = 0;
  let life = 0;
  for (const line of text.split("\n").slice(0, -1)) {
    for (; position >= (sizes[life] ?? Number.POSITIVE_INFINITY); life++) arrivals.nextLife();
    arrivals.add([JSON.parse(line).runId]);
    position += line.length + 1;
  }
  return arrivals;
}

function deadLetters(): string {
  const directory = join(house.dataDir, "deadletters");
  return readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), "latin1"))
    .join("");
}

function quarantined(): readonly string[] {
  return readdirSync(join(house.dataDir, "quarantine"));
}
