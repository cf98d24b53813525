import { seededRandom } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { startApplication } from "../e2e/application.ts";
import { eventually, House } from "../e2e/daemon.ts";
import { passed } from "./moments.ts";
import { scaled, seed } from "./scale.ts";
import { sinkNow } from "./storage/daemon-status.ts";

/**
 * An application emits thousands of events in one tick and is killed in the same tick, with survive: "kill".
 */
const EVENTS = scaled({ test: 2_000, chaos: 10_000, soak: 10_000 });
const ROUNDS = scaled({ test: 1, chaos: 3, soak: 30 });

let house: House;

afterEach(() => house.close());

test(`0 of ${EVENTS} events are lost when the application is killed and the daemon is up`, async () => {
  console.log(`seed ${seed}`);
  house = openHouse();
  await house.start();

  const names = await killApplications();

  const arrived = await expectEachOnce(names);
  expect(arrived).toBe(names.length * EVENTS);
}, 300_000);

test(`0 of ${EVENTS} events are lost when the application is killed and the daemon is started later`, async () => {
  house = openHouse();

  const names = await killApplications();
  await house.start();

  const arrived = await expectEachOnce(names);
  expect(arrived).toBe(names.length * EVENTS);
}, 300_000);

test(`0 of ${EVENTS} events are lost when the application is killed while it sends`, async () => {
  const random = seededRandom(seed);
  house = openHouse();
  await house.start();

  const names: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = `app-${round}`;
    const options = { dataDir: house.dataDir, survive: "kill" } as const;
    const application = startApplication({ name, options, events: EVENTS, next: "flush" });
    await application.says("emitted");
    await passed(random.fraction() * 300);
    application.kill();
    await application.ended;
    names.push(name);
  }

  const arrived = await expectEachOnce(names);
  expect(arrived).toBe(names.length * EVENTS);
}, 300_000);

test("0 events are lost when the daemon is killed while it adopts what killed applications left", async () => {
  const random = seededRandom(seed);
  house = openHouse();

  const names = await killApplications();
  for (let kill = 0; kill < ROUNDS; kill++) {
    await house.start();
    await passed(random.fraction() * 300);
    await house.kill();
  }
  await house.start();

  await expectEachOnce(names);
}, 300_000);

function openHouse(): House {
  const opened = new House();
  opened.configure(`
    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }
  `);
  return opened;
}

async function killApplications(): Promise<readonly string[]> {
  const random = seededRandom(seed);
  const names: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = `app-${round}`;
    const application = startApplication({
      ...{ name, events: EVENTS, next: "kill", dataChars: Math.floor(random.fraction() * 3_000) },
      options: { dataDir: house.dataDir, survive: "kill" },
    });
    expect(await application.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect(application.said).toEqual([]);
    names.push(name);
  }
  return names;
}

/**
 * Each event was accepted once and has arrived at the file sink. Returns how many lines that has: a file is
 * written at least once, so a daemon that was killed may repeat one.
 */
async function expectEachOnce(names: readonly string[]): Promise<number> {
  await eventually(async () => {
    const { balance } = await sinkNow(house, "file");
    return balance.delivered >= names.length * EVENTS && balance.pending === 0 ? true : undefined;
  }, 120_000);
  const { balance } = await house.sink("file");
  expect(balance).toMatchObject({ accepted: names.length * EVENTS, delivered: names.length * EVENTS });

  const arrived = house.lines().map(({ id }) => id);
  const wanted = names.flatMap((name) => Array.from({ length: EVENTS }, (_, index) => `${name}-${index}`));
  const missing = new Set(wanted).difference(new Set(arrived));
  expect(missing.size, "events that are missing").toBe(0);
  expect(new Set(arrived).size).toBe(wanted.length);
  await house.stop();
  const verified = await house.run("verify");
  expect(verified.exit, verified.stderr).toBe(0);
  return arrived.length;
}
