import { ManualClock, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { HangingDisk } from "../../testing/hanging-disk.ts";
import {
  aRecord,
  offsetsOf,
  openTestSpool,
  readAll,
  someRecords,
  statusesOf,
} from "../../testing/spool-fixture.ts";
import type { AppendOutcome } from "../spool.ts";

async function open() {
  const hanging = new HangingDisk(new MemoryDisk());
  const clock = new ManualClock();
  const spool = await openTestSpool(hanging.disk, { clock });
  await spool.append([aRecord(0)]);
  return { hanging, clock, spool };
}

/** When an append is answered, by the clock that the test moves, and with what. */
function timed(clock: ManualClock, appending: Promise<readonly AppendOutcome[]>) {
  const fromMs = clock.monotonicMs();
  const answer: { afterMs?: number; statuses?: readonly string[] } = {};
  void appending.then((outcomes) => {
    answer.afterMs = clock.monotonicMs() - fromMs;
    answer.statuses = statusesOf(outcomes);
  });
  return answer;
}

const segment = (path: string) => path.endsWith(".seg") || path.endsWith("/spare");

test.each(["disk", "os"] as const)(
  "a %s append to a disk that hangs is answered within 2 s, and the next ones at once (P7, T13b)",
  async (durability) => {
    const { hanging, clock, spool } = await open();
    hanging.hang((call, path) => call === "sync" && segment(path));

    const first = timed(clock, spool.append(someRecords(1, 2)));
    await clock.advance(100);
    const waiting = timed(clock, spool.append([aRecord(3)], undefined, durability));
    await clock.advance(1_500);
    const late = await spool.append([aRecord(4)], undefined, durability);

    expect(first.statuses).toEqual(["slow", "slow"]);
    expect(first.afterMs).toBeLessThanOrEqual(1_500);
    expect(waiting.statuses).toEqual(["slow"]);
    expect(statusesOf(late)).toEqual(["slow"]);
    expect(spool.state).toMatchObject({ refusingCode: "storage_slow", nextOffset: 1 });

    hanging.release();
    await clock.advance(0);
    expect(spool.state.refusing).toBeUndefined();
    const again = await spool.append(someRecords(1, 4));
    // The first was on its way to the disk, the others never were.
    expect(statusesOf(again)).toEqual(["duplicate", "duplicate", "appended", "appended"]);
    expect(offsetsOf(await readAll(spool))).toEqual([0, 1, 2, 3, 4]);
    await spool.close();
  },
);

test("a disk that is slow, and not hung, is waited for as long as a caller may be kept (P7)", async () => {
  const { hanging, clock, spool } = await open();
  hanging.hang((call, path) => call === "sync" && segment(path));
  const patient = timed(clock, spool.append([aRecord(1)]));

  await clock.advance(700);
  hanging.release();
  await clock.advance(0);

  expect(patient.statuses).toEqual(["appended"]);
  expect(spool.state.refusing).toBeUndefined();
});

test("whoever waits behind a row of slow writes is answered in time, and none of them is lost (P7)", async () => {
  const { hanging, clock, spool } = await open();
  const answers = [];
  const hang = () => hanging.hang((call, path) => call === "sync" && segment(path));
  hang();
  answers.push(timed(clock, spool.append([aRecord(1)])));
  // Each call has a group of its own, because it fills one.
  for (let number = 2; number <= 5; number++) {
    answers.push(timed(clock, spool.append([aRecord(number, { body: Buffer.alloc(60_000, 0x20) })])));
  }

  for (let turn = 0; turn < 8; turn++) {
    await clock.advance(600);
    hanging.release();
    hang();
  }
  hanging.release();
  await clock.advance(0);

  for (const { afterMs } of answers) expect(afterMs).toBeLessThanOrEqual(2_000);
  expect(answers[0]?.statuses).toEqual(["appended"]);
  expect(answers.at(-1)?.statuses).toEqual(["slow"]);
  const stored = await spool.append([aRecord(1)]);
  expect(statusesOf(stored)).toEqual(["duplicate"]);
});

test.each(["open", "rename", "truncate", "freeBytes", "remove"] as const)(
  "a %s that hangs is answered for as well, and nothing is lost when it returns (P7, T13b)",
  async (call) => {
    const { hanging, clock, spool } = await open();
    const large = (number: number) => aRecord(number, { body: Buffer.alloc(40_000, 0x20) });
    await clock.advance(2_000); // What is known of the volume is old now.
    hanging.hang((met, path) => met === call && (met === "freeBytes" || segment(path)));

    const answers = [1, 2, 3, 4].map((number) => timed(clock, spool.append([large(number)])));
    await clock.advance(2_000);
    for (const { afterMs } of answers) expect(afterMs).toBeLessThanOrEqual(2_000);
    hanging.release();
    await clock.advance(2_000);

    const again = await spool.append([1, 2, 3, 4].map(large));
    expect(new Set(statusesOf(again))).not.toContain("slow");
    expect(offsetsOf(await readAll(spool))).toEqual([0, 1, 2, 3, 4]);
    await spool.close();
  },
);

test("os records that are held when the disk hangs are durable when it returns, and counted meanwhile (P1, P7)", async () => {
  const { hanging, clock, spool } = await open();
  await spool.append(someRecords(1, 3), undefined, "os");
  hanging.hang((call, path) => call === "sync" && segment(path));

  await clock.advance(1_500);
  const during = spool.state;
  hanging.release();
  await clock.advance(0);

  expect(during).toMatchObject({ nextOffset: 1, unsynced: 3, refusingCode: "storage_slow" });
  expect(spool.state).toMatchObject({ nextOffset: 4, unsynced: 0 });
  expect(spool.state.refusing).toBeUndefined();
});
