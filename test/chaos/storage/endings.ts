import { expect } from "vitest";
import { CALLS, type Injection } from "./injector.ts";
import { forEach, type Laboratory, type ProgramEnd, type Room } from "./laboratory.ts";

/** A call to the system at which a process ends by SIGKILL. */
export interface Ending {
  /** For whoever reads that it went wrong. */
  readonly where: string;
  readonly injection: Pick<Injection, "call" | "at" | "mishap">;
}

/** A program that is ended, and what is checked afterwards. */
export interface EndedWork<Each extends Ending = Ending> {
  run(room: Room): Promise<ProgramEnd>;
  /** What is wrong with what it has left, as sentences. */
  problemsIn(room: Room, ending?: Each): Promise<readonly string[]>;
}

/** Does the work with nothing in its way; the room's injector has counted its calls. */
export async function undisturbed(room: Room, run: EndedWork["run"]): Promise<void> {
  room.injector.set({ path: room.dataDir, skipsSyncs: true });
  expect(await run(room)).toMatchObject({ code: 0, errors: "" });
}

/** Right before and right after each call of the undisturbed work that changes something. */
export async function allEndings(room: Room, { run, problemsIn }: EndedWork): Promise<readonly Ending[]> {
  await undisturbed(room, run);
  expect(await problemsIn(room)).toEqual([]);
  const endings = CALLS.filter((call) => call !== "read" && call !== "statfs").flatMap((call) =>
    Array.from({ length: 2 * room.injector.count(call) }, (_, index): Ending => {
      const kill = index % 2 === 0 ? "before" : "after";
      const at = Math.floor(index / 2) + 1;
      return { where: `${kill} ${call} ${at}`, injection: { call, at, mishap: { kill } } };
    }),
  );
  room.close();
  return endings;
}

/**
 * Ends the work once at each of these, each time in a new room, and checks that what it leaves is as it was
 * promised. How many of the ends came: which call is the n-th differs a little from run to run.
 */
export async function survived<Each extends Ending>(
  laboratory: Laboratory,
  endings: readonly Each[],
  { run, problemsIn }: EndedWork<Each>,
): Promise<number> {
  let ended = 0;
  await forEach(endings, async (ending) => {
    const { where, injection } = ending;
    const room = laboratory.room();
    room.injector.set({ ...injection, path: room.dataDir, skipsSyncs: true });
    const { code, signal, errors } = await run(room);
    const problems = await problemsIn(room, ending);
    expect({ where, errors, problems }).toEqual({ where, errors: "", problems: [] });
    expect(signal ?? code, where).toBe(room.injector.hits > 0 ? "SIGKILL" : 0);
    if (signal === "SIGKILL") ended++;
    room.close();
  });
  return ended;
}
