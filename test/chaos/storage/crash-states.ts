import type { MemoryDisk, Random } from "@sluice/sdk/internal";
import { RecordedDisk, type Unit } from "./crash-states-disk.ts";
import { type Knowledge, learn, newKnowledge } from "./crash-states-knowledge.ts";
import type { Call } from "./crash-states-trace.ts";

/** A disk as a power cut may have left it, with what must be true of it. */
export interface CrashState {
  /** The power went before this call of the trace. */
  readonly before: number;
  /** What was kept of what was not durable, in words. */
  readonly kept: string;
  /** Names the content of the disk. */
  readonly hash: string;
  readonly known: Knowledge;
  build(): MemoryDisk;
}

export interface Recording {
  readonly calls: readonly Call[];
  readonly root: string;
  readonly rootInode: bigint;
}

/**
 * One walk through a recording: at every point (before each call, and at the end) some of the disks that a
 * power cut could leave there, more of them where more is not durable; about `count` over all. A state that
 * was seen before (`seen`, by content and by what is known) is left out.
 */
export function* crashStates(
  recording: Recording,
  random: Random,
  count: number,
  seen: Set<string>,
): Generator<CrashState> {
  const { calls, root, rootInode } = recording;
  const perWeight = count / weightOfAll(recording);
  const disk = new RecordedDisk(root, rootInode);
  const known = newKnowledge();
  for (let before = 0; before <= calls.length; before++) {
    // A fraction is the chance of one.
    for (let left = perWeight * weightOf(disk); left > 0; left--) {
      if (left < 1 && random.fraction() >= left) break;
      const plan = planFor(disk.units, random);
      const { hash, build } = disk.after(plan.isKept);
      const key = `${hash} ${known.marks}`;
      if (seen.has(key)) continue;
      seen.add(key);
      yield { before, kept: plan.words, hash, known, build };
    }
    const call = calls[before];
    if (!call) return;
    disk.apply(call);
    if (call.kind === "mark") learn(known, call.text);
  }
}

/** From here on more of what is not durable makes no more difference to how much is looked at. */
const UNITS_MAX = 24;

function weightOf(disk: RecordedDisk): number {
  return Math.min(UNITS_MAX, disk.units.length + 1);
}

function weightOfAll({ calls, root, rootInode }: Recording): number {
  const disk = new RecordedDisk(root, rootInode);
  let weight = weightOf(disk);
  for (const call of calls) {
    disk.apply(call);
    weight += weightOf(disk);
  }
  return weight;
}

interface Plan {
  readonly words: string;
  isKept(unit: Unit): boolean;
}

/** None, all, all but one, only one, the first so many, or any: each of them now and then. */
function planFor(units: readonly Unit[], random: Random): Plan {
  const chosen = Math.floor(random.fraction() * units.length);
  const one = units[chosen];
  const kind = random.fraction();
  if (kind < 0.06) return { words: `none of ${units.length}`, isKept: () => false };
  if (kind < 0.12) return { words: `all ${units.length}`, isKept: () => true };
  if (kind < 0.3) return { words: `all but ${nameOf(one)}`, isKept: (unit) => unit !== one };
  if (kind < 0.4) return { words: `only ${nameOf(one)}`, isKept: (unit) => unit === one };
  if (kind < 0.6) {
    const first = new Set(units.slice(0, chosen));
    return { words: `the first ${chosen} of ${units.length}`, isKept: (unit) => first.has(unit) };
  }
  const share = random.fraction();
  const some = new Set(units.filter(() => random.fraction() < share));
  const words = units.map((unit) => `${some.has(unit) ? "+" : "-"}${nameOf(unit)}`).join(" ");
  return { words, isKept: (unit) => some.has(unit) };
}

function nameOf(unit: Unit | undefined): string {
  if (!unit) return "nothing";
  switch (unit.kind) {
    case "names":
      return unit.changes.map(({ path, entry }) => `${path}${entry ? "" : " gone"}`).join(", ");
    case "sector":
      return `sector@${unit.position}`;
    default:
      return `${unit.kind}@${unit.sizeBytes}`;
  }
}
