import { type DiskCall, type Fault, faultyDisk, ManualClock, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import {
  aRecord,
  offsetsOf,
  openTestSpool,
  readAll,
  someRecords,
  statusesOf,
} from "../../testing/spool-fixture.ts";
import type { FileSpool } from "./spool.ts";

const never = new AbortController().signal;

/** A spool on a disk in memory that fails while `fault` says so, and the calls that reached it. */
async function open(segmentBytes = 64 * 1024) {
  const memory = new MemoryDisk();
  const clock = new ManualClock();
  const calls: DiskCall[] = [];
  const failing: { fault: (call: DiskCall) => Fault | undefined } = { fault: () => undefined };
  const disk = faultyDisk(memory, (call) => {
    calls.push(call);
    return failing.fault(call);
  });
  const spool = await openTestSpool(disk, { clock, segmentBytes });
  await spool.append([aRecord(0)]);
  calls.length = 0;
  return { memory, clock, calls, failing, spool };
}

const isSegment = ({ path }: DiskCall) => path.endsWith(".seg") || path.endsWith("/spare");
const syncFails = (call: DiskCall) =>
  call.operation === "sync" && isSegment(call) ? { code: "EIO" } : undefined;
const syncs = (calls: readonly DiskCall[]) =>
  calls.filter((call) => call.operation === "sync" && isSegment(call));
const toOs = (spool: FileSpool, from: number, count = 1) =>
  spool.append(someRecords(from, count), undefined, "os");
/** What a process that is killed leaves: everything that was written. */
const killed = (memory: MemoryDisk) => openTestSpool(memory.copy());
/** What a power cut leaves. */
async function cut(memory: MemoryDisk) {
  const copy = memory;
  copy.crash();
  return openTestSpool(copy);
}

test("an os record is acknowledged when it is written, and there for readers when it is synced (P1)", async () => {
  const { memory, clock, calls, spool } = await open();
  const reading = spool.read(0, 1, { records: 10, bytes: 10_000 }, never);

  const outcomes = await toOs(spool, 1, 2);

  expect(outcomes.map((outcome) => "offset" in outcome && outcome.offset)).toEqual([1, 2]);
  expect(syncs(calls)).toHaveLength(0);
  expect(spool.state).toMatchObject({ nextOffset: 1, unsynced: 2 });
  expect(offsetsOf(await readAll(await killed(memory)))).toEqual([0, 1, 2]);
  await clock.advance(199);
  expect(spool.state.nextOffset).toBe(1);
  await clock.advance(1);
  expect(spool.state).toMatchObject({ nextOffset: 3, unsynced: 0 });
  expect(offsetsOf(await reading)).toEqual([1, 2]);
  expect(offsetsOf(await readAll(await cut(memory)))).toEqual([0, 1, 2]);
});

test("many os calls share one sync, and a disk call that joins brings it about at once (P1)", async () => {
  const { memory, calls, spool } = await open();
  for (let number = 1; number <= 20; number++) await toOs(spool, number);
  expect(syncs(calls)).toHaveLength(0);

  await spool.append([aRecord(21)]);

  expect(syncs(calls)).toHaveLength(1);
  expect(spool.state).toMatchObject({ nextOffset: 22, unsynced: 0 });
  expect(offsetsOf(await readAll(await cut(memory)))).toHaveLength(22);
});

test("a disk call for what was acknowledged as os waits for the sync before it is a duplicate (P1, P3)", async () => {
  const { memory, calls, spool } = await open();
  await toOs(spool, 1);

  const again = await toOs(spool, 1);
  expect(syncs(calls)).toHaveLength(0);
  const onDisk = await spool.append([aRecord(1)]);

  expect([...again, ...onDisk]).toEqual([
    { status: "duplicate", offset: 1 },
    { status: "duplicate", offset: 1 },
  ]);
  expect(syncs(calls)).toHaveLength(1);
  expect(offsetsOf(await readAll(await cut(memory)))).toEqual([0, 1]);
});

test("never more than a group is unsynced, whatever an os source sends (P1)", async () => {
  const { calls, spool } = await open();
  const bodies = Array.from({ length: 30 }, (_, index) =>
    aRecord(1 + index, { body: Buffer.alloc(9_000, 0x20) }),
  );

  for (const record of bodies) {
    await spool.append([record], undefined, "os");
    expect(spool.state.unsynced).toBeLessThanOrEqual(7);
  }

  expect(syncs(calls).length).toBeGreaterThanOrEqual(4);
  expect(spool.segments.length).toBeGreaterThan(3);
  await spool.append([aRecord(99)]);
  expect(offsetsOf(await readAll(spool))).toHaveLength(32);
});

test("one os record as large as a group is synced at once", async () => {
  const { spool } = await open();

  await spool.append([aRecord(1, { body: Buffer.alloc(300_000, 0x20) })], undefined, "os");

  expect(spool.state).toMatchObject({ nextOffset: 2, unsynced: 0 });
});

test("os records whose sync fails go to a new segment with what else there is (P7)", async () => {
  const { memory, failing, spool } = await open();
  await toOs(spool, 1, 3);
  let failures = 0;
  failing.fault = (call) => (failures === 0 && syncFails(call) ? { code: `EIO${failures++}` } : undefined);

  const joined = await spool.append([aRecord(4)]);

  expect(joined).toEqual([{ status: "appended", offset: 4 }]);
  expect(failures).toBe(1);
  expect(spool.segments).toHaveLength(2);
  expect(offsetsOf(await readAll(spool))).toEqual([0, 1, 2, 3, 4]);
  expect(offsetsOf(await readAll(await cut(memory)))).toEqual([0, 1, 2, 3, 4]);
});

test("a kill at any call while a group moves to a new segment finds all of it, in the old one or the new (P1)", async () => {
  const { memory, clock, failing, spool } = await open();
  await toOs(spool, 1, 3);
  const kills: MemoryDisk[] = [];
  let failures = 0;
  failing.fault = (call) => {
    kills.push(memory.copy());
    return failures === 0 && syncFails(call) ? { code: `EIO${failures++}` } : undefined;
  };

  await clock.advance(200);

  expect(spool.state).toMatchObject({ nextOffset: 4, unsynced: 0 });
  expect(kills.length).toBeGreaterThan(4);
  for (const killed of kills) {
    expect(offsetsOf(await readAll(await openTestSpool(killed)))).toEqual([0, 1, 2, 3]);
  }
});

test("while every sync fails os records stay, are told in the state, and are written when it ends (P1, P7)", async () => {
  const { memory, clock, failing, spool } = await open();
  await toOs(spool, 1, 3);
  failing.fault = syncFails;

  await clock.advance(200);
  const refused = [await toOs(spool, 4), await spool.append([aRecord(1)])];
  const during = spool.state;
  const atKill = offsetsOf(await readAll(await killed(memory)));
  await clock.advance(60_000);
  const later = spool.state;
  const laterAtKill = offsetsOf(await readAll(await killed(memory)));
  failing.fault = () => undefined;
  await clock.advance(5_000);

  expect(statusesOf(refused.flat())).toEqual(["failed", "failed"]);
  expect(during).toMatchObject({ nextOffset: 1, unsynced: 3, refusingCode: "spool_failed" });
  expect(later).toMatchObject({ nextOffset: 1, unsynced: 3, refusingCode: "spool_failed" });
  expect([atKill, laterAtKill]).toEqual([
    [0, 1, 2, 3],
    [0, 1, 2, 3],
  ]);
  expect(spool.state).toMatchObject({ nextOffset: 4, unsynced: 0 });
  expect(spool.state.refusing).toBeUndefined();
  expect(await toOs(spool, 4)).toEqual([{ status: "appended", offset: 4 }]);
  await spool.close();
  expect(offsetsOf(await readAll(await cut(memory)))).toEqual([0, 1, 2, 3, 4]);
});

test("what a full volume does not take costs neither what was held nor its sync (P6)", async () => {
  const { memory, clock, failing, spool } = await open();
  await toOs(spool, 1, 2);
  failing.fault = (call) => (call.operation === "write" && isSegment(call) ? { code: "ENOSPC" } : undefined);

  const refused = await toOs(spool, 3);
  await clock.advance(200);

  expect(statusesOf(refused)).toEqual(["full"]);
  expect(spool.state).toMatchObject({ nextOffset: 3, unsynced: 0 });
  failing.fault = () => undefined;
  await clock.advance(5_000);
  expect(await toOs(spool, 4)).toEqual([{ status: "appended", offset: 3 }]);
  await spool.close();
  const reopened = await cut(memory);
  expect((await readAll(reopened)).map(({ event }) => event.id)).toEqual(
    [0, 1, 2, 4].map((n) => `event-${n}`),
  );
  expect(reopened.state.damaged).toBe(0);
});

test("closing syncs what was acknowledged, and says so if it cannot (P10)", async () => {
  const good = await open();
  await toOs(good.spool, 1);
  await good.spool.close();
  expect(offsetsOf(await readAll(await cut(good.memory)))).toEqual([0, 1]);

  const bad = await open();
  await toOs(bad.spool, 1, 2);
  bad.failing.fault = syncFails;
  await expect(bad.spool.close()).rejects.toThrow(/2 events .*"os" could not be synced.*EIO/);
  expect(offsetsOf(await readAll(await killed(bad.memory)))).toEqual([0, 1, 2]);
});
