import { mkdirSync } from "node:fs";
import { Injector } from "./injector.ts";
import { type ShortWriteTarget, TARGETS } from "./short-write-targets.ts";

/**
 * A program that has every write of a group cut short, at every byte of it, for everything that sluice writes
 * to. It runs under native/inject.c:
 *
 *   node --conditions=sluice-source test/chaos/storage/short-write-cases.ts '{"directory":…,"control":…,"step":1}'
 *
 * A line of JSON for each target goes to the standard output.
 */
export interface ShortWritesOptions {
  readonly directory: string;
  readonly control: string;
  /** Every so many bytes. */
  readonly step: number;
  /** The files are looked at after every so many short writes, and at the end. */
  readonly lookEvery: number;
}

export interface ShortWritesResult {
  readonly target: string;
  readonly shortWrites: number;
  readonly problems: readonly string[];
}

/** What a group is written in is found out by cutting it short: from here on it was whole. */
const BYTES_MAX = 64 * 1024;
const ATTEMPTS_MAX = 20;

const { directory, control, step, lookEvery }: ShortWritesOptions = JSON.parse(process.argv[2] ?? "{}");
const injector = new Injector(control);
for (const [index, [name, open]] of Object.entries(TARGETS).entries()) {
  const room = `${directory}/target-${index}`;
  mkdirSync(room);
  const target = await open(room);
  const found = await cutShort(target);
  await target.close();
  found.problems.push(...(await target.problems(found.groups)));
  const result: ShortWritesResult = { target: name, ...found };
  console.log(JSON.stringify(result));
}
injector.close();

async function cutShort(target: ShortWriteTarget) {
  const problems: string[] = [];
  let groups = 0;
  let shortWrites = 0;
  for (let bytes = 1; bytes < BYTES_MAX && problems.length === 0; bytes += step) {
    // The disk stays full, or takes the rest at the second attempt.
    for (const times of [0, 1]) {
      injector.set({ path: target.path, call: "write", at: target.at ?? 1, times, mishap: { short: bytes } });
      let isTaken = await target.write(groups);
      if (times === 0 && isTaken) return { problems, groups: groups + 1, shortWrites };
      shortWrites++;
      if (shortWrites % lookEvery === 0) {
        const now = await target.problems(isTaken ? groups + 1 : groups);
        problems.push(...now.map((problem) => `after ${bytes} bytes: ${problem}`));
      }
      injector.end();
      for (let attempt = 1; !isTaken; attempt++) {
        if (attempt > ATTEMPTS_MAX)
          return { problems: [`${bytes} bytes: never taken again`], groups, shortWrites };
        isTaken = await target.write(groups);
      }
      groups++;
    }
  }
  return { problems, groups, shortWrites };
}
