import { seededRandom } from "@sluice/sdk/internal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled, seed } from "../scale.ts";
import { missingTools } from "../tools.ts";
import { forEach, Laboratory } from "./laboratory.ts";
import { problemsOf } from "./recovered.ts";

/**
 * A write of which only parts are made, and then the process ends: the first one to seven eighths of it, and
 * any others, as a power cut leaves them. Nothing acknowledged is lost, and none of the rest is taken for
 * more than it is.
 */
const WRITES = scaled({ test: 1, chaos: 20, soak: 400 });
const SUBSETS = scaled({ test: 1, chaos: 8, soak: 40 });
/** Of some 250 in all; the first ones make the spool. */
const WRITES_IN_ALL = 220;

const WORKLOAD = new URL("./workload.ts", import.meta.url).pathname;
const missing = missingTools("linux", "cc");
const laboratory = new Laboratory();
const random = seededRandom(seed);

beforeAll(async () => {
  console.log(`seed ${seed}`);
  if (!missing) await laboratory.open();
});

afterAll(() => laboratory.close());

test.skipIf(missing)(
  `a write that is torn costs nothing that was acknowledged (P1, P8, T05)${missing}`,
  async () => {
    const tears = Array.from({ length: WRITES }, () => wholeBelow(WRITES_IN_ALL) + 1).flatMap((at) =>
      masks().map((mask) => ({ at, mask })),
    );

    let torn = 0;
    await forEach(tears, async ({ at, mask }) => {
      const room = laboratory.room();
      const { dataDir, oracle, injector } = room;
      injector.set({ path: dataDir, call: "write", at, mishap: { torn: mask }, skipsSyncs: true });
      const { errors, signal } = await laboratory.run(WORKLOAD, { dataDir, oracle, seed }, injector);
      const where = `write ${at}, parts ${mask.toString(2).padStart(8, "0")}`;
      const problems = await problemsOf(dataDir, oracle, { damage: !isFront(mask) });
      expect({ where, errors, problems }).toEqual({ where, errors: "", problems: [] });
      if (signal === "SIGKILL") torn++;
      room.close();
    });

    figure("P8", "torn writes, acknowledged records lost or others invented", `0 of ${torn}`, "0");
    expect(torn, "writes that were torn").toBeGreaterThan(tears.length * 0.7);
  },
  1_200_000,
);

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
