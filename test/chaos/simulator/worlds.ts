import { seed as drawn, scale, scaled } from "../scale.ts";
import { type Simulated, simulate } from "./simulate.ts";

const WORLDS = scaled({ test: 25, chaos: 1_000, soak: 10_000 });
/** Of two files, so that both cores have something to do. */
const PARTS = 2;
export const STEPS = 300;
export const WORLDS_TIMEOUT_MS = scaled({ test: 120_000, chaos: 3_600_000, soak: 36_000_000 });

/** What a part of the worlds came to. */
export interface Worlds {
  readonly worlds: number;
  readonly kills: number;
  readonly powerCuts: number;
  readonly endedWhileOpening: number;
  readonly acknowledged: number;
  readonly repeatsMax: Simulated["repeatsMax"];
}

/**
 * A change is judged by the same worlds each time, so that a red run is its doing. New worlds are for the
 * larger sizes to find.
 */
const seed = scale === "test" && process.env["SLUICE_SEED"] === undefined ? 1_000 : drawn;

/**
 * Simulates the worlds of one part. The world of SLUICE_SEED is the first of part 0: a seed that failed is
 * replayed at once there, whichever part it was of.
 * @throws SimulationFailure at the first that breaks a promise.
 */
export async function simulateWorlds(part: number): Promise<Worlds> {
  console.log(`SLUICE_SEED=${seed}`);
  const done: Simulated[] = [];
  for (let index = 0; index < WORLDS; index++) {
    if (index % PARTS === part) done.push(await simulate((seed + index) >>> 0, STEPS));
  }
  const sum = (of: (world: Simulated) => number) => done.reduce((total, world) => total + of(world), 0);
  const most = (of: (world: Simulated) => number) => Math.max(0, ...done.map(of));
  return {
    worlds: done.length,
    kills: sum(({ counts }) => counts.kills),
    powerCuts: sum(({ counts }) => counts.powerCuts),
    endedWhileOpening: sum(({ counts }) => counts.endedWhileOpening),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    repeatsMax: {
      kill: most(({ repeatsMax }) => repeatsMax.kill),
      powerCut: most(({ repeatsMax }) => repeatsMax.powerCut),
    },
  };
}
