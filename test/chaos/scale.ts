import { type Random, seededRandom } from "@sluice/sdk/internal";

/**
 * The battery in three sizes, one set of tests: what `npm test` runs on every change, what `npm run chaos`
 * runs before a release, and what `npm run soak` runs over night. A test says how many of its rounds each is
 * worth.
 */
export type Scale = "test" | "chaos" | "soak";

const NAMES: readonly Scale[] = ["test", "chaos", "soak"];

export const scale: Scale = NAMES.find((name) => name === process.env["SLUICE_SCALE"]) ?? "test";

export function scaled<Value>(sizes: Readonly<Record<Scale, Value>>): Value {
  return sizes[scale];
}

/** The seed of a random test, to be printed by it: SLUICE_SEED replays a run. */
export const seed = Number(process.env["SLUICE_SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** What a random test draws from. Prints the seed. */
export function seededDraw(): Random {
  console.log(`seed ${seed}`);
  return seededRandom(seed);
}
