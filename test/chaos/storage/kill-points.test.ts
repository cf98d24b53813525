import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled, seed, seededDraw } from "../scale.ts";
import { allEndings, type EndedWork, survived } from "./endings.ts";
import { laboratoryOfTests, missing, type Room, sampled } from "./laboratory.ts";
import { problemsOf } from "./recovered.ts";

/**
 * A process that works with a spool ends by SIGKILL right before or right after a call to the system: the
 * n-th write, sync, rename, unlink, open, truncate or mkdir in its data dir, for every n. All that was
 * acknowledged must be there afterwards, and nothing else.
 */
/** All of them at chaos size. */
const POINTS = scaled({ test: 16, chaos: Number.POSITIVE_INFINITY, soak: Number.POSITIVE_INFINITY });
const POINTS_OF_START = scaled({ test: 4, chaos: 150, soak: Number.POSITIVE_INFINITY });

const WORKLOAD = new URL("./workload.ts", import.meta.url).pathname;
const laboratory = laboratoryOfTests();
const random = seededDraw();

test.skipIf(missing)(
  `nothing acknowledged is lost when the process ends at any call of 300 operations (P1, P8, T02)${missing}`,
  async () => {
    const work: EndedWork = {
      run: ({ dataDir, oracle, injector }) => laboratory.run(WORKLOAD, { dataDir, oracle, seed }, injector),
      problemsIn,
    };
    const all = await allEndings(laboratory.room(), work);
    const points = sampled(all, POINTS, () => random.fraction());

    const recovered = await survived(laboratory, points, work);

    figure(
      "P1",
      `SIGKILLs at a call to the system, of ${all.length} in a workload, recovered`,
      recovered,
      "all",
    );
    expect(all.length, "calls to end at").toBeGreaterThan(800);
    expect(recovered, "kills that came").toBeGreaterThan(points.length * 0.7);
  },
  3_600_000,
);

test.skipIf(missing)(
  `nothing is lost when the process is killed while it starts after a kill (P1, P8, T02)${missing}`,
  async () => {
    // A torn write, so that the start has something to cut off.
    const torn = laboratory.room();
    const at = 150 + Math.floor(random.fraction() * 50);
    torn.injector.set({ path: torn.dataDir, call: "write", at, mishap: { torn: 0b111 }, skipsSyncs: true });
    const { dataDir, oracle, injector } = torn;
    const first = await laboratory.run(WORKLOAD, { dataDir, oracle, seed }, injector);
    expect(first).toMatchObject({ signal: "SIGKILL", errors: "" });
    const again: EndedWork = {
      run: (room) => {
        room.copy(torn);
        // The second time in a data dir the records are other ones.
        const options = { dataDir: room.dataDir, oracle: room.oracle, seed: seed + 1, operations: 8 };
        return laboratory.run(WORKLOAD, options, room.injector);
      },
      problemsIn,
    };

    const all = await allEndings(laboratory.room(), again);
    const points = sampled(all, POINTS_OF_START, () => random.fraction());

    const recovered = await survived(laboratory, points, again);

    figure("P8", "SIGKILLs at a call to the system of a start after a crash, recovered", recovered, "all");
    expect(recovered, "kills that came").toBeGreaterThan(points.length * 0.7);
  },
  3_600_000,
);

function problemsIn({ dataDir, oracle }: Room): Promise<readonly string[]> {
  return problemsOf(dataDir, oracle);
}
