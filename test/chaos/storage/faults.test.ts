import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled, seed, seededDraw } from "../scale.ts";
import { undisturbed } from "./endings.ts";
import type { FaultCase, FaultCasesOptions, FaultResult } from "./fault-cases.ts";
import type { Call, Errno } from "./injector.ts";
import { forEach, laboratoryOfTests, missing, sampled } from "./laboratory.ts";

/**
 * The calls of a process to the system fail while it works with a spool: the n-th one of a kind, once or
 * again and again until the fault is ended. The work goes on, and what was acknowledged is there after a
 * restart.
 */
const ERRORS: Readonly<Record<Call, readonly Errno[]>> = {
  write: ["EIO", "ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EINTR"],
  sync: ["EIO", "ENOSPC", "EDQUOT", "EINTR"],
  rename: ["EIO", "ENOSPC", "EROFS"],
  unlink: ["EIO", "EROFS"],
  open: ["EMFILE", "EIO", "ENOSPC", "EINTR"],
  truncate: ["EIO", "EINTR"],
  mkdir: ["ENOSPC", "EROFS"],
  read: ["EIO", "EINTR"],
  statfs: ["EIO", "EINTR"],
};
const PAIRS = scaled({ test: 30, chaos: 400, soak: 8_000 });
const SYNCS = scaled({ test: 8, chaos: 50, soak: 200 });

const WORKLOAD = new URL("./workload.ts", import.meta.url).pathname;
const FAULT_CASES = new URL("./fault-cases.ts", import.meta.url).pathname;
const laboratory = laboratoryOfTests();
const random = seededDraw();

test.skipIf(missing)(
  `a call that fails, once or until the fault ends, loses nothing and stops nothing (P6, P7, T13)${missing}`,
  async () => {
    const counts = await countCalls();
    const pairs = sampled(faultCases(counts), PAIRS, () => random.fraction());

    const results = await runCases(pairs);

    const hit = results.filter(({ hits }) => hits > 0);
    expect(hit.length, "faults that came").toBeGreaterThan(pairs.length * 0.7);
    const recoveredAfterMs = Math.max(...hit.map((result) => result.recoveredAfterMs));
    figure("P7", "calls to the system that failed, once or until the fault ended, borne", hit.length, "all");
    figure(
      "P6",
      "the longest that appends were refused after the fault",
      `${recoveredAfterMs} ms`,
      "10,000 ms",
    );
  },
  1_200_000,
);

test.skipIf(missing)(
  `a file whose sync has failed is never synced again (P7, T12)${missing}`,
  async () => {
    const cases: FaultCase[] = Array.from({ length: SYNCS }, (_, index) => ({
      ...{ call: "sync", at: index + 1, times: 1, mishap: { fail: "EIO" }, skipsSyncs: true },
    }));
    const log = join(laboratory.directory, "syncs");

    const results = await runCases(cases, log);

    expect(results.filter(({ hits }) => hits === 1)).toHaveLength(SYNCS);
    const { failed, again } = syncsIn(readFileSync(log, "utf8"));
    expect(failed).toBe(SYNCS);
    expect(again).toEqual([]);
    figure("P7", "failed syncs, of which the file was synced again", 0, "0");
  },
  600_000,
);

async function countCalls(): Promise<ReadonlyMap<Call, number>> {
  const room = laboratory.room();
  const { dataDir, oracle, injector } = room;
  await undisturbed(room, () => laboratory.run(WORKLOAD, { dataDir, oracle, seed }, injector));
  const calls = Object.keys(ERRORS) as Call[];
  const counts = new Map(calls.map((call) => [call, injector.count(call)]));
  room.close();
  return counts;
}

/** Every call of every kind, with one of its errors, as single faults and as ones that stay. */
function faultCases(counts: ReadonlyMap<Call, number>): readonly FaultCase[] {
  const cases: FaultCase[] = [];
  for (const [call, count] of counts) {
    const errors = ERRORS[call];
    for (let at = 1; at <= count; at++) {
      for (const [index, fail] of errors.entries()) {
        // libuv tries again what was interrupted, for ever.
        const times = fail === "EINTR" || (at + index) % 2 === 0 ? 1 : 0;
        cases.push({ call, at, times, mishap: { fail }, skipsSyncs: true });
      }
    }
  }
  return cases;
}

async function runCases(cases: readonly FaultCase[], log?: string): Promise<readonly FaultResult[]> {
  const results: FaultResult[] = [];
  const shares = log === undefined ? [0, 1] : [0];
  await forEach(shares, async (share) => {
    const room = laboratory.room();
    const own = cases.filter((_, index) => index % shares.length === share);
    const { directory, injector } = room;
    const argument: FaultCasesOptions = { directory, control: injector.path, seed, cases: own };
    const { code, output, errors } = await laboratory.run(FAULT_CASES, argument, injector, log);
    const lines = output.split("\n").slice(0, -1);
    const mine: FaultResult[] = lines.map((line) => JSON.parse(line));
    const next = own[mine.length];
    expect({ code, errors, next }, "how the program ended").toEqual({ code: 0, errors: "", next: undefined });
    const bad = mine.map(({ problems }, index) => ({ fault: own[index], problems }));
    expect(bad.filter(({ problems }) => problems.length > 0)).toEqual([]);
    results.push(...mine);
    room.close();
  });
  return results;
}

/**
 * Reads the log of native/inject.c. A file is known by its inode, until its name goes: then another file may
 * get that. Directories are left out: there is only one of each, and what it lists was given up.
 */
function syncsIn(log: string): { readonly failed: number; readonly again: readonly string[] } {
  const spoiled = new Set<string>();
  const again: string[] = [];
  let failed = 0;
  for (const line of log.split("\n")) {
    const [what, kind, identity = "", path = ""] = line.split(" ");
    const file = `${/\/(\d+)\/data/.exec(path)?.[1]} ${identity}`;
    if (what === "failed") failed++;
    if (kind === "directory") continue;
    if (what === "synced" && spoiled.has(file)) again.push(line);
    if (what === "failed") spoiled.add(file);
    if (what === "gone") spoiled.delete(file);
  }
  return { failed, again };
}
