import { endId } from "@sluice/sdk/internal";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { NewRecord } from "../../spool/spool.ts";
import {
  type OfBus,
  piece,
  start,
  told,
  toldPiece,
  toldStart,
  toldWhole,
  whole,
} from "./pieces.test-support.ts";
import { type Act, type Kill, RUN_TIMEOUT_MS, type Walked, walk } from "./walk.test-support.ts";

/*
 * What the assembler knows it has read from the log, so a process that is killed and starts again must come
 * to know the same: any runs, in any order of their parts, killed at any step.
 */

const ofSource: fc.Arbitrary<NewRecord> = fc
  .tuple(fc.constantFrom(start, watched, piece, further, whole), fc.integer({ min: 0, max: 4 }))
  .map(([make, run]) => make(`run-${run}`));
const ofBus: fc.Arbitrary<NewRecord> = fc
  .tuple(
    fc.constantFrom(toldStart, toldPiece, wholeOfBus, told),
    fc.integer({ min: 0, max: 2 }),
    fc.constantFrom<OfBus>({}, {}, { traceId: "trace" }),
  )
  .map(([make, run, more]) => make(`bus-${run}`, more));
const record = fc.oneof(ofSource, ofBus);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.array(record, { minLength: 1, maxLength: 4 }).map((append) => ({ append })) },
  // Time for ledgers to be stored, so that what they have passed is not read again.
  { weight: 3, arbitrary: fc.constant({ passMs: 300 }) },
  { weight: 1, arbitrary: fc.constant({ passMs: RUN_TIMEOUT_MS + 120_000 }) },
);

test("wherever it is killed, an assembler comes to know what it would know without that (P2)", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 3, maxLength: 12 }),
      fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), isBefore: fc.boolean() }), {
        minLength: 1,
        maxLength: 3,
      }),
      async (acts, kills) => {
        const unharmed = await walk(acts);
        for (const { at, isBefore } of kills) {
          const step = 1 + Math.floor(at * (unharmed.steps.length - 1));
          const kill: Kill = { at: step, moment: isBefore ? "before" : "after" };
          const said = JSON.stringify({ acts: acts.map(inShort), kill });
          expect(knownBy(await walk(acts, kill)), said).toEqual(knownBy(unharmed));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("what a join is too late for counts the same, whether the end is met at the append or read (P2)", async () => {
  const bound = { traceId: "trace" };
  const acts: Act[] = [
    { append: [toldStart("bus-0", bound)] },
    { append: [wholeOfBus("bus-0", {}), toldStart("bus-0", {})] },
    { append: [toldPiece("bus-0", bound), start("run-0")] },
    { passMs: RUN_TIMEOUT_MS + 120_000 },
    { append: [toldStart("bus-0", {})] },
    { passMs: 300 },
    { append: [start("run-0")] },
  ];

  const killed = await walk(acts, { at: 7, moment: "after" });

  expect(knownBy(killed)).toEqual(knownBy(await walk(acts)));
});

function inShort(each: Act): readonly string[] | number {
  return "append" in each ? each.append.map(({ id }) => id) : each.passMs;
}

/** In which order runs are closed together says nothing: between runs there is none. */
function knownBy({ spool, openRuns, balance, lowOffset }: Walked) {
  const records = [...spool.records.values()].map(({ flags, event }) => `${event.id} ${flags}`);
  return { records: records.sort(), openRuns, balance, lowOffset };
}

/** A complete end that does not wait for its trace has the one id at once. */
function wholeOfBus(runId: string, more: OfBus): NewRecord {
  return toldWhole(runId, more.traceId === undefined ? more : { ...more, id: endId(runId) });
}

/** Of a run that an SDK will end itself. */
function watched(runId: string): NewRecord {
  return start(runId, { writer: "sdk" });
}

/** Another piece than the first. */
function further(runId: string): NewRecord {
  return { ...piece(runId), id: `further-${runId}` };
}
