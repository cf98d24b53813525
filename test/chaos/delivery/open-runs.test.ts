import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import type { OpenRunsMemory, Shape } from "./open-runs-program.ts";

/**
 * What the whole assembler holds for runs whose end is not known, a run being the root of its trace or the
 * only one of it: the second is the most that a run can take. They are some more than a power of two, where a
 * table that doubles has just done so.
 */
const RUNS = scaled({ test: 66_000, chaos: 1_050_000, soak: 1_050_000 });
const BYTES_MAX = 64;
const TEST_MS_MAX = scaled({ test: 20_000, chaos: 120_000, soak: 120_000 });
const SHAPES: readonly Shape[] = scaled({
  test: ["child"],
  chaos: ["root", "child"],
  soak: ["root", "child"],
});

const run = promisify(execFile);

test.for(SHAPES)(
  "an open run takes 64 bytes at the most: each a %s in its trace (P5)",
  {
    timeout: TEST_MS_MAX,
  },
  async (shape) => {
    const { runs, heldBytes, rssBytes } = await measured(shape);

    expect(runs).toBe(RUNS);
    const bytes = heldBytes / runs;
    expect(bytes).toBeLessThanOrEqual(BYTES_MAX);

    const what = `${RUNS} open runs, each a ${shape} in its trace`;
    figure("P5", `${what}, bytes held for one`, bytes.toFixed(1), `at most ${BYTES_MAX}`);
    console.log(`${what}: the process grew by ${(rssBytes / runs).toFixed(1)} bytes for one`);
  },
);

/** The generation of young objects is kept small, so that the growth of the process is that of what it holds. */
async function measured(shape: Shape): Promise<OpenRunsMemory> {
  const flags = ["--expose-gc", "--no-flush-bytecode", "--max-semi-space-size=4"];
  const program = join(import.meta.dirname, "open-runs-program.ts");
  const words = ["--conditions=sluice-source", ...flags, program, shape, String(RUNS)];
  const { stdout } = await run(process.execPath, words);
  return JSON.parse(stdout);
}
