import type { Random } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled, seededDraw } from "../scale.ts";
import { drained, sinkNow } from "../storage/daemon-status.ts";
import { StormClient, type Told } from "./storm.ts";

/**
 * Clients that all send the same events, as after a time-out, each in an order and in batches of its own;
 * some have changed an event meanwhile. Who comes first is left to chance: what was first is what is stored,
 * and every answer has to agree with it.
 */
const IDS = 1_000;
const COPIES = 5;
const ALTERED = 0.2;
const STORMS = scaled({ test: 1, chaos: 10, soak: 100 });
/** Clients send batches of 20 on average, so a storm has some 250 answers. */
const KILL_WITHIN_ANSWERS = 200;

let house: House;
beforeEach(() => {
  house = new House();
  house.configure('[[sinks]]\nname = "file"\ntype = "file"\n');
});
afterEach(() => house.close());

test(
  `the same ${IDS} ids posted ${COPIES} times at once are stored and delivered once, and altered copies are conflicts (P3, T22)`,
  async () => {
    const random = seededDraw();
    await house.start();
    let [conflicts, equal] = [0, 0];
    for (let storm = 0; storm < STORMS; storm++) {
      const clients = clientsOf(storm, random);
      await Promise.all(clients.map((client) => client.send(house.url, () => undefined)));
      const told = clients.flatMap((client) => client.told);

      expect(told).toHaveLength(IDS * COPIES);
      expect(told.filter(({ status }) => status === "accepted")).toHaveLength(IDS);
      await drained(house);
      expectAgreement(told);
      conflicts += told.filter(({ status }) => status === "conflict").length;
      equal += told.filter(({ status }) => status === "duplicate").length;
    }

    expect(house.lines(), "each is in the file once").toHaveLength(IDS * STORMS);
    await proveBooks();
    expect(conflicts).toBeGreaterThan(0);
    const what = `${STORMS} storms of ${IDS} ids × ${COPIES}`;
    figure("P3", `${what}: stored or delivered twice, or not at all`, 0, "0");
    figure("P3", `  of ${conflicts} altered copies: not told of the conflict`, 0, "0");
    figure("P3", `  of ${equal} equal copies: not acknowledged`, 0, "0");
  },
  scaled({ test: 30_000, chaos: 120_000, soak: 1_200_000 }),
);

test(
  "a retry storm over SIGKILLs stores each id once, and no answer of an earlier life is taken back (P3, P1, T22)",
  async () => {
    const random = seededDraw();
    let kills = 0;
    for (let storm = 0; storm < STORMS; storm++) {
      const clients = clientsOf(storm, random);
      await house.start();
      while (clients.some(({ isDone }) => !isDone)) {
        let left = 1 + Math.floor(random.fraction() * KILL_WITHIN_ANSWERS);
        let killed: Promise<unknown> | undefined;
        const count = () => {
          if (--left === 0) killed = house.kill();
        };
        await Promise.all(clients.map((client) => client.send(house.url, count)));
        if (!killed) continue;
        kills++;
        await killed;
        await house.start();
      }
      await drained(house);
      expectAgreement(clients.flatMap((client) => client.told));
      await house.stop();
    }

    const twice = house.lines().length - IDS * STORMS;
    await house.start();
    await proveBooks();
    expect(kills).toBeGreaterThan(0);
    const what = `${STORMS} storms of ${IDS} ids × ${COPIES} with ${kills} SIGKILLs`;
    figure("P3", `${what}: stored twice, not at all, or not as was answered`, 0, "0");
    figure("P3", "  written to the file once more after a kill", twice, "≤ 1,024 a kill");
  },
  scaled({ test: 60_000, chaos: 180_000, soak: 1_800_000 }),
);

/** Five clients; about a fifth of all copies has bytes that no other has. */
function clientsOf(storm: number, random: Random): readonly StormClient[] {
  return Array.from({ length: COPIES }, (_, copy) => {
    const bodies = new Map<string, string>();
    for (let index = 0; index < IDS; index++) {
      const id = `storm-${storm}-${index}`;
      const text = random.fraction() < ALTERED ? `altered by ${copy}` : "as it was";
      bodies.set(id, JSON.stringify({ id, kind: "note.taken", time: TIME, data: { text } }));
    }
    return new StormClient(bodies, random);
  });
}

const TIME = "2026-01-01T00:00:00.000Z";

/** What the file has of an id was first: who sent just that was acknowledged, and nobody else. */
function expectAgreement(told: readonly Told[]): void {
  const stored = new Map(house.lines().map((event) => [event.id, JSON.stringify(event)]));
  const wrong = told.filter(({ id, body, status }) => {
    const isFirst = stored.get(id) === body;
    return isFirst === (status === "conflict");
  });
  expect(wrong).toEqual([]);
  const accepted = told.filter(({ status }) => status === "accepted").map(({ id }) => id);
  expect(accepted, "nobody else was told to be the first").toHaveLength(new Set(accepted).size);
}

async function proveBooks(): Promise<void> {
  const { balance } = await sinkNow(house, "file");
  expect(balance).toMatchObject({ accepted: IDS * STORMS, delivered: IDS * STORMS, pending: 0 });
  expect((await house.stop()).exit).toBe(0);
  const verified = await house.run("verify");
  expect(verified.exit, verified.stderr).toBe(0);
}
