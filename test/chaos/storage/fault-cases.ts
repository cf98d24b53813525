import { mkdirSync, rmSync } from "node:fs";
import { type Injection, Injector } from "./injector.ts";
import { readOracle } from "./oracle.ts";
import { problemsBy } from "./recovered.ts";
import { work } from "./work.ts";

/**
 * A program that works with a spool under one fault after the other, each time in a new data dir, and checks
 * afterwards, without the fault, what is there. It runs under native/inject.c:
 *
 *   node --conditions=sluice-source test/chaos/storage/fault-cases.ts '{"directory":…,"control":…,"cases":[…]}'
 *
 * A line of JSON for each case goes to the standard output.
 */
export interface FaultCasesOptions {
  readonly directory: string;
  readonly control: string;
  readonly seed: number;
  readonly operations?: number;
  readonly cases: readonly FaultCase[];
}

/** Its path is the data dir's. */
export type FaultCase = Omit<Injection, "path">;

export interface FaultResult {
  readonly problems: readonly string[];
  /** Calls that have gone wrong. */
  readonly hits: number;
  readonly failures: number;
  readonly recoveredAfterMs: number;
}

const { directory, control, seed, operations, cases }: FaultCasesOptions = JSON.parse(
  process.argv[2] ?? "{}",
);
const injector = new Injector(control);
for (const [index, injection] of cases.entries()) {
  const room = `${directory}/${index}`;
  mkdirSync(room);
  const dataDir = `${room}/data`;
  const oracle = `${room}/oracle`;
  injector.set({ ...injection, path: dataDir });
  const endFaults = () => injector.end();
  await work({ dataDir, oracle, seed, endFaults, ...(operations !== undefined && { operations }) });
  injector.end();
  const known = readOracle(oracle);
  const { failures = 0, recoveredAfterMs = 0 } = known.done ?? {};
  const problems = await problemsBy(dataDir, known);
  const result: FaultResult = { problems, hits: injector.hits, failures, recoveredAfterMs };
  console.log(JSON.stringify(result));
  rmSync(room, { recursive: true });
}
injector.close();
