import { seededRandom } from "@sluice/sdk/internal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled, seed } from "../scale.ts";
import { missingTools } from "../tools.ts";
import type { Call } from "./injector.ts";
import { forEach, Laboratory, type Room, sampled } from "./laboratory.ts";
import { problemsOf } from "./recovered.ts";

/**
 * A process that works with a spool ends by SIGKILL right before or right after a call to the system: the
 * n-th write, sync, rename, unlink, open, truncate or mkdir in its data dir, for every n. All that was
 * acknowledged must be there afterwards, and nothing else.
 */
const CALLS: readonly Call[] = ["write", "sync", "rename", "unlink", "open", "truncate", "mkdir"];
/** All of them at chaos size. */
const POINTS = scaled({ test: 16, chaos: Number.POSITIVE_INFINITY, soak: Number.POSITIVE_INFINITY });
const POINTS_OF_START = scaled({ test: 4, chaos: 150, soak: Number.POSITIVE_INFINITY });

interface KillPoint {
  readonly call: Call;
  readonly at: number;
  readonly kill: "before" | "after";
}

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
  `nothing acknowledged is lost when the process ends at any call of 300 operations (P1, P8, T02)${missing}`,
  async () => {
    const all = await killPoints(laboratory.room(), () => {});
    const points = sampled(all, POINTS, () => random.fraction());

    const recovered = await recoveredFrom(points, () => {});

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
    expect(await runIn(torn)).toMatchObject({ signal: "SIGKILL", errors: "" });
    const tear = (room: Room) => room.copy(torn);

    const all = await killPoints(laboratory.room(), tear, 8);
    const points = sampled(all, POINTS_OF_START, () => random.fraction());

    const recovered = await recoveredFrom(points, tear, 8);

    figure("P8", "SIGKILLs at a call to the system of a start after a crash, recovered", recovered, "all");
    expect(recovered, "kills that came").toBeGreaterThan(points.length * 0.7);
  },
  3_600_000,
);

/** The calls of an undisturbed run. */
async function killPoints(
  room: Room,
  prepare: (room: Room) => void,
  operations?: number,
): Promise<readonly KillPoint[]> {
  prepare(room);
  room.injector.set({ path: room.dataDir, skipsSyncs: true });
  const end = await runIn(room, operations);
  expect(end).toMatchObject({ code: 0, errors: "" });
  expect(await problemsOf(room.dataDir, room.oracle)).toEqual([]);
  const points = CALLS.flatMap((call) =>
    Array.from({ length: room.injector.count(call) }, (_, index) => index + 1).flatMap((at) => [
      { call, at, kill: "before" as const },
      { call, at, kill: "after" as const },
    ]),
  );
  room.close();
  return points;
}

/** How many of the kills came; which call is the n-th differs a little from run to run. */
async function recoveredFrom(
  points: readonly KillPoint[],
  prepare: (room: Room) => void,
  operations?: number,
): Promise<number> {
  let recovered = 0;
  await forEach(points, async ({ call, at, kill }) => {
    const room = laboratory.room();
    prepare(room);
    room.injector.set({ path: room.dataDir, call, at, mishap: { kill }, skipsSyncs: true });
    const { code, signal, errors } = await runIn(room, operations);
    const where = `${kill} ${call} ${at}`;
    const problems = await problemsOf(room.dataDir, room.oracle);
    expect({ where, errors, problems }).toEqual({ where, errors: "", problems: [] });
    expect(signal ?? code, where).toBe(room.injector.hits > 0 ? "SIGKILL" : 0);
    recovered += room.injector.hits;
    room.close();
  });
  return recovered;
}

/** The second time in a data dir the records are other ones. */
function runIn({ dataDir, oracle, injector }: Room, operations?: number) {
  const options = { dataDir, oracle, seed: operations === undefined ? seed : seed + 1, operations };
  return laboratory.run(WORKLOAD, options, injector);
}
