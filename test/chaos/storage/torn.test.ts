import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled, seed, seededDraw } from "../scale.ts";
import { type Ending, survived } from "./endings.ts";
import { laboratoryOfTests, missing } from "./laboratory.ts";
import { problemsOf } from "./recovered.ts";

/**
 * A write of which only parts are made, and then the process ends: the first one to seven eighths of it, and
 * any others, as a power cut leaves them. Nothing acknowledged is lost, and none of the rest is taken for
 * more than it is.
 */
const WRITES = scaled({ test: 1, chaos: 6, soak: 400 });
const SUBSETS = scaled({ test: 1, chaos: 8, soak: 40 });
/** Of some 250 in all; the first ones make the spool. */
const WRITES_IN_ALL = 220;

const WORKLOAD = new URL("./workload.ts", import.meta.url).pathname;
const laboratory = laboratoryOfTests();
const random = seededDraw();

interface Tear extends Ending {
  /** Parts behind one that is missing: what is whole of them is kept, and what is missing is damage. */
  readonly hasHoles: boolean;
}

test.skipIf(missing)(
  `a write that is torn costs nothing that was acknowledged (P1, P8, T05)${missing}`,
  async () => {
    const tears = Array.from({ length: WRITES }, () => wholeBelow(WRITES_IN_ALL) + 1).flatMap((at) =>
      masks().map((mask) => tear(at, mask)),
    );

    const torn = await survived(laboratory, tears, {
      run: ({ dataDir, oracle, injector }) => laboratory.run(WORKLOAD, { dataDir, oracle, seed }, injector),
      problemsIn: ({ dataDir, oracle }, ending) =>
        problemsOf(dataDir, oracle, { damage: ending?.hasHoles ?? false }),
    });

    figure("P8", "torn writes, acknowledged records lost or others invented", `0 of ${torn}`, "0");
    expect(torn, "writes that were torn").toBeGreaterThan(tears.length * 0.7);
  },
  1_200_000,
);

function tear(at: number, mask: number): Tear {
  const where = `write ${at}, parts ${mask.toString(2).padStart(8, "0")}`;
  return { where, injection: { call: "write", at, mishap: { torn: mask } }, hasHoles: !isFront(mask) };
}

/** The first one to seven parts, all of them, and some subsets. */
function masks(): readonly number[] {
  const prefixes = Array.from({ length: 8 }, (_, parts) => 2 ** (parts + 1) - 1);
  return [...prefixes, ...Array.from({ length: SUBSETS }, () => wholeBelow(256))];
}

/** Are the parts that were made the first ones, without a hole? Then the tail is torn, and nothing damaged. */
function isFront(mask: number): boolean {
  return (mask & (mask + 1)) === 0;
}

function wholeBelow(limit: number): number {
  return Math.floor(random.fraction() * limit);
}
