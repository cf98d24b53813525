import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { simulateWorlds, WORLDS_TIMEOUT_MS } from "../simulator/worlds.ts";

/** The other half of the worlds of simulator.test.ts, on the other core. */
test("nothing is lost in the other half of the simulated worlds either (P1, P2, P7, P14, T06)", {
  timeout: WORLDS_TIMEOUT_MS,
}, async () => {
  const { worlds, kills, powerCuts, acknowledged } = await simulateWorlds(1);

  expect(acknowledged).toBeGreaterThan(worlds);
  const ends = `${kills} kills and ${powerCuts} power cuts of ${worlds} more simulated worlds`;
  figure("P1", `${ends}, acknowledged events lost of ${acknowledged}`, 0, "0");
});
