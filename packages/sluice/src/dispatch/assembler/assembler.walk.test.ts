import { KIND_CODES } from "@sluice/sdk";
import { deriveId, endId } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { FLAG_ASSEMBLED, FLAG_PARTIAL, FLAG_UNBOUND } from "../../spool/spool.ts";
import { piece, start, told, toldPiece, toldStart, toldWhole, whole } from "./pieces.test-support.ts";
import { type Act, type Kill, RUN_TIMEOUT_MS, type Walked, walk } from "./walk.test-support.ts";

const RUN_ENDED = KIND_CODES["run.ended"];

/*
 * The process is killed at each thing that it does to the world (an append, a ledger stored, a batch sent),
 * before it is done and right after. Whatever the moment, the world must look the same in the end.
 */

async function killedAtEachStep(
  acts: readonly Act[],
): Promise<{ readonly said: string; readonly walked: Walked }[]> {
  const { steps } = await walk(acts);
  const kills = steps.flatMap((name, index): (Kill & { name: string })[] =>
    (["before", "after"] as const).map((moment) => ({ at: index + 1, moment, name })),
  );
  const all = [{ said: "without a kill", walked: await walk(acts) }];
  for (const kill of kills) {
    all.push({
      said: `killed ${kill.moment} step ${kill.at} (${kill.name})`,
      walked: await walk(acts, kill),
    });
  }
  return all;
}

/** Time for ledgers to be stored, so that kills before and after them are other ones. */
const A_WHILE: Act = { passMs: 300 };

test("whatever step a kill comes after, each run ends once, under one id, at every sink (P2)", async () => {
  const walks = await killedAtEachStep([
    { append: [start("joined"), start("late"), start("dead", { writer: "dir.earlier" })] },
    A_WHILE,
    { append: [piece("joined"), piece("early")] },
    A_WHILE,
    { append: [start("early"), start("watched", { writer: "sdk" })] },
    { append: [whole("watched")] },
    // The run "late" is closed, and then its end comes after all.
    { passMs: RUN_TIMEOUT_MS + 120_000 },
    { append: [piece("late")] },
    A_WHILE,
  ]);

  const runs = ["joined", "early", "watched", "late", "dead"];
  for (const { said, walked } of walks) {
    const { spool, upserting, writeOnce } = walked;
    const ends = [...spool.records.values()].filter(
      ({ kindCode, flags }) => kindCode === RUN_ENDED && (flags & FLAG_PARTIAL) === 0,
    );
    const first = ends.filter(({ event }) => event.run?.revision === undefined);
    expect(first.map(({ event }) => event.id).sort(), said).toEqual(runs.map((run) => endId(run)).sort());
    for (const run of runs) {
      const isLate = run === "late";
      expect(upserting.runs.get(run)?.id, said).toBe(endId(run, isLate ? 2 : 1));
      expect(writeOnce.runs.get(run)?.id, said).toBe(endId(run));
      const status = run === "dead" ? "incomplete" : "ok";
      expect(upserting.runs.get(run)?.run?.status, said).toBe(status);
    }
    expect(upserting.runs.get("late")?.run?.response?.output, said).toBe("from late");
    expect(upserting.runs.get("joined")?.run?.request?.input, said).toBe("to joined");
    expect([upserting.runs.size, writeOnce.runs.size, writeOnce.late], said).toEqual([5, 5, 1]);
  }
});

test("whatever step a kill comes after, what waits for its trace comes once, in order, with it", async () => {
  const trace = { traceId: "trace" };
  const walks = await killedAtEachStep([
    { append: [told("created"), toldStart("m"), told("other", { nativeId: "s-2" })] },
    A_WHILE,
    { append: [toldPiece("m"), toldWhole("tool")] },
    { append: [told("binding", trace)] },
    A_WHILE,
    { append: [told("never", { nativeId: "s-3" }), toldWhole("alone", { nativeId: "s-3" })] },
    { passMs: 60_000 },
    {
      append: [
        told("too late", { nativeId: "s-3", ...trace }),
        told("other's", { nativeId: "s-2", ...trace }),
      ],
    },
    A_WHILE,
  ]);

  const copies = [
    ...[deriveId("created", "bound"), deriveId("start-m", "bound"), deriveId("piece-m", "bound")],
    ...[endId("tool"), deriveId("other", "bound"), deriveId("never", "bound"), endId("alone")],
  ];
  for (const { said, walked } of walks) {
    const { spool, upserting, writeOnce } = walked;
    const isCopy = ({ flags }: { flags: number }) =>
      (flags & (FLAG_ASSEMBLED | FLAG_UNBOUND)) === (FLAG_ASSEMBLED | FLAG_UNBOUND);
    const made = [...spool.records.values()].filter(isCopy).map(({ event }) => event);
    expect(
      made.map(({ id }) => id),
      said,
    ).toEqual(copies);
    expect(made.map(({ traceId }) => traceId).slice(0, 4), said).toEqual(Array(4).fill("trace"));
    expect(made.map(({ traceId }) => traceId).slice(4), said).toEqual(Array(3).fill(undefined));
    for (const { ids, runs } of [upserting, writeOnce]) {
      expect([...ids].sort(), said).toEqual(
        [...copies.filter((id) => id !== deriveId("piece-m", "bound")), endId("m")]
          .concat("binding", "too late", "other's")
          .sort(),
      );
      expect(runs.get("m"), said).toMatchObject({
        ...{ id: endId("m"), traceId: "trace" },
        run: { status: "ok", request: { input: "to m" }, response: { output: "from m" } },
      });
      expect([...runs.keys()].sort(), said).toEqual(["alone", "m", "tool"]);
    }
  }
});
