import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@sluice/sdk/internal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { compilePreload } from "../preload.ts";
import { scaled, seed } from "../scale.ts";
import { missingTools } from "../tools.ts";
import { type CrashState, crashStates, type Recording } from "./crash-states.ts";
import { examine, liveOn } from "./crash-states-check.ts";
import { afterKill } from "./crash-states-kills.ts";
import type { ProgramOptions } from "./crash-states-program.ts";
import { readTrace } from "./crash-states-trace.ts";

const missing = missingTools("linux", "cc");
const house = mkdtempSync(join(tmpdir(), "sluice-states-"));
const dataDir = join(house, "data");
let recording: Recording;

beforeAll(async () => {
  if (!missing) recording = await record();
}, 60_000);
afterAll(() => rmSync(house, { recursive: true, force: true }));

/** Enough states are distinct long before this many walks; it ends one that finds none. */
const WALKS_MAX = 40;

test.skipIf(missing)(
  `whatever a power cut leaves, at every call: it opens, nothing acknowledged is lost, nothing is invented, and it goes on (P1, P2, P3, P8, T03, T04)${missing}`,
  async () => {
    const wanted = scaled({ test: 300, chaos: 6_000, soak: 100_000 });
    const random = seededRandom(seed);
    const seen = new Set<string>();
    const hashes = new Set<string>();
    let damaged = 0;

    for (let walk = 0; walk < WALKS_MAX && hashes.size < wanted; walk++) {
      for (const state of crashStates(recording, random, 1.1 * (wanted - hashes.size), seen)) {
        const found = await examine(state.build(), dataDir, state.known);
        expect(found.problems, describe(state)).toEqual([]);
        hashes.add(state.hash);
        damaged = Math.max(damaged, found.damaged);
      }
    }

    expect(hashes.size).toBeGreaterThanOrEqual(wanted);
    const what =
      "states of the disk after a power cut that were opened: acknowledged events lost, records invented";
    figure("P1", `${hashes.size} distinct ${what}`, 0, "0");
    figure(
      "P8",
      "records of a write that never finished, counted as damaged after a power cut, at most",
      damaged,
      "never one that was acknowledged",
    );
  },
  scaled({ test: 120_000, chaos: 1_800_000, soak: 14_400_000 }),
);

test.skipIf(missing)(
  `a kill at any call, a start, and then a power cut: what was acknowledged before and after the kill is there (P1, P9, T02, T03)${missing}`,
  async () => {
    const random = seededRandom(seed);
    const every = scaled({ test: 25, chaos: 2, soak: 1 });
    let kills = 0;

    for (
      let before = Math.floor(random.fraction() * every);
      before <= recording.calls.length;
      before += every
    ) {
      const { disk, known } = await afterKill(recording, before);
      const more = await liveOn(disk, dataDir, known);
      disk.crash(before % 2 === 0 ? random : undefined);
      const { problems } = await examine(disk, dataDir, more);

      const where = `SLUICE_SEED=${seed}: killed before call ${before} (${recording.calls[before]?.kind})`;
      expect(problems, where).toEqual([]);
      kills++;
    }

    figure(
      "P1",
      `${kills} kills between two calls, each with a start and a power cut behind it: acknowledged events lost`,
      0,
      "0",
    );
  },
  scaled({ test: 120_000, chaos: 1_200_000, soak: 7_200_000 }),
);

function describe({ before, kept }: CrashState): string {
  return `SLUICE_SEED=${seed}: before call ${before} (${recording.calls[before]?.kind}), kept: ${kept}`;
}

/** Four lives of one data directory, two of which end by SIGKILL: recovery is in the recording as well. */
async function record(): Promise<Recording> {
  mkdirSync(dataDir);
  const trace = join(house, "trace");
  const marks = join(house, "marks");
  const library = await compilePreload(join(import.meta.dirname, "../native/record.c"));
  for (const [life, ends] of (["killed", "closed", "killed", "closed"] as const).entries()) {
    const appends = scaled({ test: 7, chaos: 20, soak: 60 });
    const options: ProgramOptions = { dataDir, marks, life, ends, appends };
    const ended = await run(options, {
      ...{ LD_PRELOAD: library, RECORD_BELOW: dataDir, RECORD_MARKS: marks, RECORD_TO: trace },
      UV_USE_IO_URING: "0",
    });
    expect(ended).toBe(ends === "killed" ? "SIGKILL" : 0);
  }
  rmSync(join(library, ".."), { recursive: true });
  const rootInode = statSync(dataDir, { bigint: true }).ino;
  return { calls: readTrace(readFileSync(trace)), root: dataDir, rootInode };
}

function run(options: ProgramOptions, environment: Record<string, string>): Promise<number | string | null> {
  const program = join(import.meta.dirname, "crash-states-program.ts");
  const words = ["--conditions=sluice-source", program, JSON.stringify(options)];
  const child = spawn(process.execPath, words, {
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
}
