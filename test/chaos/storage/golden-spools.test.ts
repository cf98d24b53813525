import { expect, test } from "vitest";
import { readSpool } from "../../../packages/sluice/src/spool/file/inspect.ts";
import {
  aRecord,
  openTestSpool,
  readAll,
  TEST_DATA_DIR,
} from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { openVerification } from "../../../packages/sluice/src/verify.ts";
import { figure } from "../figures.ts";
import { diskOf, factsOf, goldenSpools, sha1 } from "./golden-spools.ts";

const golden = goldenSpools();

test.each([...golden])(
  "%s is read wholly, is gone on with, and stays readable (P15, T63)",
  async (_name, spool) => {
    const disk = diskOf(spool);
    const before = await readSpool(TEST_DATA_DIR, disk);
    const verified = spool.ledgers && Object.keys(spool.sinks).length > 0;
    const verification = verified ? await openVerification({ dataDir: TEST_DATA_DIR, disk }) : undefined;
    const opened = await openTestSpool(disk);
    const { firstOffset, nextOffset, damaged } = opened.state;
    const records = await readAll(opened);
    const outcomes = await opened.append([aRecord(2_000)]);
    await opened.close();
    const after = await readSpool(TEST_DATA_DIR, disk);

    const { firstOffset: first, nextOffset: next } = spool;
    expect([before.nextOffset, before.damaged]).toEqual([next, spool.damaged]);
    expect({ firstOffset, nextOffset, damaged }).toEqual({
      firstOffset: first,
      nextOffset: next,
      damaged: spool.damaged,
    });
    expect(records.map(factsOf)).toEqual(spool.records);
    expect(outcomes).toEqual([{ status: "appended", offset: next }]);
    expect([after.nextOffset, after.damaged]).toEqual([next + 1, spool.damaged]);
    expect(Object.fromEntries([...after.ledgers].map(([route, bytes]) => [route, sha1(bytes)]))).toEqual(
      spool.ledgers,
    );
    const sinks = verification?.sinks.map(({ name, balance }) => [
      name,
      [balance.delivered, balance.deadLettered],
    ]);
    expect(Object.fromEntries(sinks ?? [])).toEqual(spool.sinks);
    expect(verification?.problems ?? []).toEqual([]);
  },
);

test("there are golden spools of format 1, small ones (P15, T63)", () => {
  const records = [...golden.values()].reduce((sum, spool) => sum + spool.records.length, 0);

  expect(golden.size).toBeGreaterThanOrEqual(7);
  expect([...golden.values()].every((spool) => JSON.stringify(spool).length < 40 * 1024)).toBe(true);
  const what = "spools of every released format, clean and damaged, whose records are all read";
  figure("P15", what, `${golden.size} spools, ${records} records`, "all");
});
