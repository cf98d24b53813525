import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { collector, Rig, range, type Station } from "./rig.ts";

const EVENTS = scaled({ test: 500, chaos: 10_000, soak: 10_000 });
const MINUTES = scaled({ test: 3, chaos: 10, soak: 60 });
const OLD_KEY = "a-key-that-was";
const NEW_KEY = "a-key-that-is";

let clock: ManualClock;
let rig: Rig;
let station: Station;
beforeEach(async () => {
  clock = new ManualClock();
  rig = new Rig(clock);
  station = await rig.station();
});
afterEach(() => whilePassing(rig.tearDown()));

test("a key that is refused costs a probe a minute, and mended no event (P13, T53)", async () => {
  station.backend.choose(({ headers }) =>
    headers.authorization === `Bearer ${NEW_KEY}` ? "pass" : { status: 401, body: "who are you" },
  );
  await rig.open(collector("sink", station, { key: OLD_KEY }));
  await rig.append(...range(EVENTS));
  await passing(10_000);
  expect(stateOf("sink")).toMatchObject({ name: "paused", reason: expect.stringContaining("401") });

  const before = station.backend.requests.length;
  await passing(MINUTES * 60_000);
  const probes = station.backend.requests.length - before;

  expect(probes).toBeGreaterThanOrEqual(MINUTES - 1);
  expect(probes).toBeLessThanOrEqual(2 * MINUTES);
  expect(rig.balanceOf("sink")).toMatchObject({ pending: EVENTS, deadLettered: 0, dropped: {} });

  const changes = await whilePassing(rig.pipeline.applySinks([collector("sink", station, { key: NEW_KEY })]));
  for (let second = 0; rig.balanceOf("sink").pending > 0; second++) {
    expect(second, "seconds until it is drained").toBeLessThan(60);
    await passing(1_000);
  }

  expect(changes).toEqual([{ sink: "sink", change: "changed" }]);
  expect(station.arrivals.ids).toHaveLength(EVENTS);
  expect(station.arrivals.distinct).toEqual(new Set(rig.acknowledged));
  expect(rig.balanceOf("sink")).toMatchObject({ delivered: EVENTS, deadLettered: 0, dropped: {} });
  await whilePassing(rig.proveBooks());
  figure("P13", `${EVENTS} events behind a key that is refused: probes a minute`, probes / MINUTES, "≤ 2");
  figure("P13", "the same, when the key is mended by a reload: lost, or dead letters", 0, "0");
});

test("a redirect is not followed, and takes neither events nor the key with it (P13)", async () => {
  const elsewhere = await rig.station();
  for (const status of [301, 302, 303, 307, 308]) {
    station.backend.script({ status, headers: { location: `${elsewhere.backend.url}/taken` } });
  }
  await rig.open(collector("sink", station));
  await rig.append(...range(10));
  await passing(10 * 60_000);

  expect(elsewhere.backend.requests).toEqual([]);
  expect(station.backend.requests.filter(({ path }) => path !== "/")).toEqual([]);
  expect(station.backend.requests.length).toBeGreaterThan(5);
  expect(station.arrivals.distinct).toEqual(new Set(rig.acknowledged));
  expect(rig.balanceOf("sink")).toMatchObject({ delivered: 10, deadLettered: 0 });
  await whilePassing(rig.proveBooks());
});

function stateOf(sink: string) {
  return rig.pipeline.status().sinks.find(({ route }) => route === sink)?.state;
}

/** Moves the clock so slowly that a request on loopback is answered within what it takes for a second. */
async function passing(durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 1_000) await clock.advance(1_000);
}

async function whilePassing<Value>(coming: Promise<Value>): Promise<Value> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  coming.then(over, over);
  while (!isOver) await clock.advance(100);
  return coming;
}
