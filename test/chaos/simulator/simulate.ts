import { BEHAVIOURS, behaviourOf } from "./behaviour.ts";
import { checkBalances } from "./demands.ts";
import { finish, mostRepeats } from "./finale.ts";
import { type Ending, someEnding } from "./life.ts";
import type { Step } from "./weather.ts";
import { World } from "./world.ts";

export interface Simulated {
  readonly seed: number;
  /** Of everything that happened, in its order. */
  readonly digest: string;
  readonly counts: World["counts"];
  readonly offered: number;
  readonly acknowledged: number;
  /** The most events that one backend was sent again because one life had ended. */
  readonly repeatsMax: { readonly kill: number; readonly powerCut: number };
}

/** What a run failed with, and what led to it. */
class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
}

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/**
 * One run: so many steps of the seed's choice, then an end to all faults, and a look at what came of it all.
 * @throws SimulationFailure with the seed and the last of the trace.
 */
export async function simulate(seed: number, operations: number): Promise<Simulated> {
  const world = new World(seed);
  const unhandled = (error: unknown) => world.broken(error);
  process.on("unhandledRejection", unhandled);
  try {
    await world.open();
    for (let operation = 1; operation <= operations; operation++) {
      const step = world.chance.weighed(world.weather.steps);
      world.trace.note("step", `${operation}: ${step}`);
      await take(step, world);
      if (!world.life.isAlive) await recover(world);
      checkBalances(world);
    }
    await finish(world);
  } catch (error) {
    throw new SimulationFailure(story(world, seed, operations, error), { cause: error });
  } finally {
    process.off("unhandledRejection", unhandled);
  }
  return resultOf(world, seed);
}

async function recover(world: World): Promise<void> {
  await world.afterEnd();
  await world.pass(world.chance.spread(1, 60_000));
  await world.open();
}

async function take(step: Step, world: World): Promise<void> {
  const { chance, time, trace, life, faults, memory, clients } = world;
  const isOver = () => !life.isAlive;
  switch (step) {
    case "append": {
      const bootId = world.pipeline?.intake.bootId ?? "";
      for (let calls = chance.oneOf([1, 1, 2, 5]); calls > 0; calls--) {
        world.append(clients.records(bootId, time.wallMs));
        if (chance.happens(0.5)) await world.pass(chance.spread(0.01, 3), isOver);
      }
      return;
    }
    case "moment":
      return world.pass(chance.spread(0.1, 100), isOver);
    case "while":
      return world.pass(chance.spread(100, 60_000), isOver);
    case "hours":
      return world.pass(chance.spread(60_000, 2 * HOUR_MS), isOver);
    case "backend": {
      const backend = chance.oneOf([...world.backends] as [World["backends"][number]]);
      const behaviour = chance.weighed(BEHAVIOURS);
      backend.behaviour = behaviourOf(behaviour);
      return trace.note("sink", `${backend.name} is ${behaviour} from now on`);
    }
    case "diskFault":
      return trace.note("fault", `from now on: ${JSON.stringify(faults.add(chance, time.monotonicMs))}`);
    case "diskHeals":
      return faults.heal();
    case "end":
      // Whoever was just asked for the status may be reading a record: that is no more than microseconds.
      await world.pass(0, isOver);
      return life.end(someEnding(chance));
    case "endInCall": {
      life.endIn(chance.whole(1, 40), someEnding(chance));
      world.append(clients.records(world.pipeline?.intake.bootId ?? "", time.wallMs));
      return world.pass(chance.spread(1, 10_000), isOver);
    }
    case "reopen":
      if (await world.close()) await world.afterEnd();
      return;
    case "drain":
      return drain(world, isOver);
    case "clockStep": {
      const byMs = chance.oneOf([
        HOUR_MS,
        -HOUR_MS,
        2 * YEAR_MS,
        -2 * YEAR_MS,
        chance.between(-1, 1) * HOUR_MS,
      ]);
      trace.note("life", `the wall clock is set by ${Math.round(byMs / 1_000)} s`);
      return time.jump(byMs);
    }
    case "volumeFills":
      memory.capacityBytes = memory.usedBytes + chance.whole(0, 100_000);
      return trace.note("fault", `the volume ends at ${memory.capacityBytes} bytes`);
    case "volumeEmpties":
      memory.capacityBytes = Number.POSITIVE_INFINITY;
      return trace.note("fault", "the volume has room");
  }
}

/** A drained pipeline only waits to be closed. */
async function drain(world: World, isOver: () => boolean): Promise<void> {
  let isDrained = false;
  void world.pipeline?.drain(world.chance.spread(1, 10_000)).then(() => {
    isDrained = true;
  });
  await world.pass(60_000, () => isDrained || isOver());
  if (await world.close()) await world.afterEnd();
}

function resultOf(world: World, seed: number): Simulated {
  const { trace, counts, acknowledged, backends } = world;
  const most = (ending: Ending) =>
    Math.max(...backends.map((backend) => mostRepeats(world, backend, ending)));
  return {
    seed,
    digest: trace.digest(),
    counts,
    offered: acknowledged.offered,
    acknowledged: acknowledged.byId.size,
    repeatsMax: { kill: most("kill"), powerCut: most("power cut") },
  };
}

function story(world: World, seed: number, operations: number, error: unknown): string {
  const what =
    error instanceof Error ? (error.name === "Violation" ? error.message : error.stack) : String(error);
  return [
    `SLUICE_SEED=${seed} (${operations} steps) broke a promise: ${what}`,
    "What led to it:",
    world.trace.tail(),
    `SLUICE_SEED=${seed} (${operations} steps) broke a promise: ${what}`,
  ].join("\n");
}
