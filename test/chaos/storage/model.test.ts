import fc from "fast-check";
import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled, seed } from "../scale.ts";
import { type Model, modelCommands } from "./model-commands.ts";
import { RealSpool } from "./model-real.ts";
import { ModelSpool } from "./model-spool.ts";

const RUNS = scaled({ test: 150, chaos: 1_500, soak: 50_000 });
const COMMANDS = scaled({ test: 60, chaos: 100, soak: 100 });
const TIMEOUT_MS = scaled({ test: 60_000, chaos: 1_800_000, soak: 18_000_000 });

test("the spool's content, counts and sizes are those of a model after every step of any work (P1, P2, P8, T07)", {
  timeout: TIMEOUT_MS,
}, async () => {
  console.log(`SLUICE_SEED=${seed}`);
  let runs = 0;
  let steps = 0;
  const property = fc.asyncProperty(fc.nat(), modelCommands(COMMANDS), async (chance, commands) => {
    const real = new RealSpool(chance);
    await real.open();
    const setup = { model: { spool: new ModelSpool(), ledgers: [undefined] } as Model, real };
    await fc.asyncModelRun(() => setup, commands);
    await real.spool.close();
    runs++;
    steps += [...commands].length;
  });

  await fc.assert(property, { seed: seed | 0, numRuns: RUNS, endOnFailure: false });

  expect(runs).toBe(RUNS);
  figure(
    "P8",
    "Random steps after which a model of the spool agrees in content, counts and bytes",
    steps,
    "all",
  );
});
