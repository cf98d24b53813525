import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { seed } from "../scale.ts";
import { simulate } from "../simulator/simulate.ts";
import { STEPS, simulateWorlds, WORLDS_TIMEOUT_MS } from "../simulator/worlds.ts";

/**
 * The product's own pipeline in a simulated world: clock, disk and backends under one seeded scheduler,
 * faults at any call of the disk, the process killed or the power cut in the middle of any of them. A world
 * that goes wrong says its seed, and what led to it; SLUICE_SEED replays it.
 */
test("the same seed is the same world, down to the last call of the disk (T06)", {
  timeout: 60_000,
}, async () => {
  // A world that goes wrong has to go wrong in the same way.
  const outcome = (of: number) => simulate(of, STEPS).catch((error: Error) => error.message);

  const first = await outcome(seed);
  const second = await outcome(seed);
  const other = await outcome(seed + 1);

  expect(second).toEqual(first);
  expect(other).not.toEqual(first);
});

test("whatever ends a process and fails on its disk, nothing is lost in any simulated world (P1, P2, P7, P14, T06)", {
  timeout: WORLDS_TIMEOUT_MS,
}, async () => {
  const { worlds, kills, powerCuts, repeatsMax, acknowledged, endedWhileOpening } = await simulateWorlds(0);

  expect(acknowledged).toBeGreaterThan(worlds);
  const ends = `${kills} kills and ${powerCuts} power cuts of ${worlds} simulated worlds`;
  figure("P1", `${ends}, acknowledged events lost of ${acknowledged}`, 0, "0");
  figure(
    "P1",
    "events sent again to one backend after one simulated kill",
    repeatsMax.kill,
    "≤ 64, what is in flight",
  );
  figure("P1", "the same after one power cut", repeatsMax.powerCut, "what the 10 s before it delivered");
  figure("P2", "simulated worlds in which every balance held after every step", worlds, `${worlds}`);
  figure(
    "P7",
    "simulated worlds in which all settled within 10 minutes of the last fault",
    worlds,
    `${worlds}`,
  );
  figure("P9", "simulated starts that ended half-way and were opened by the next", endedWhileOpening, "all");
});
