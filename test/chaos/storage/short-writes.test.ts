import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { laboratoryOfTests, missing } from "./laboratory.ts";
import type { ShortWritesOptions, ShortWritesResult } from "./short-write-cases.ts";

/**
 * A full disk shows as a write that takes fewer bytes than it was given, without an error; Node reports it as
 * it is. Every file that sluice writes to is filled up at every byte of a group.
 */
const SIZE = scaled({
  test: { step: 5, lookEvery: 7 },
  chaos: { step: 1, lookEvery: 1 },
  soak: { step: 1, lookEvery: 1 },
});

const SHORT_WRITE_CASES = new URL("./short-write-cases.ts", import.meta.url).pathname;
const laboratory = laboratoryOfTests();

test.skipIf(missing)(
  `a write that is cut short, at whatever byte, leaves nothing behind and loses nothing (P6, T41)${missing}`,
  async () => {
    const { directory, injector } = laboratory.room();
    const argument: ShortWritesOptions = { directory, control: injector.path, ...SIZE };

    const { code, errors, output } = await laboratory.run(SHORT_WRITE_CASES, argument, injector);

    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    const results: ShortWritesResult[] = output
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(results.filter(({ problems }) => problems.length > 0)).toEqual([]);
    for (const { target, shortWrites } of results) {
      expect(shortWrites * SIZE.step, target).toBeGreaterThan(200);
      figure("P6", `short writes of ${target} that left a trace`, `0 of ${shortWrites}`, "0");
    }
    injector.close();
  },
  600_000,
);
