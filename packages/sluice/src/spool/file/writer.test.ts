import {
  type Disk,
  type DiskCall,
  type Fault,
  faultyDisk,
  ManualClock,
  MemoryDisk,
} from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import {
  aRecord,
  offsetsOf,
  openTestSpool,
  readAll,
  segmentPaths,
  someRecords,
  statusesOf,
} from "../../testing/spool-fixture.ts";
import { Received } from "../received.ts";
import { FLAG_RESERVE } from "../spool.ts";

/** A disk in memory that fails while `fault` says so, and the calls that reached it. */
function aFailingDisk() {
  const memory = new MemoryDisk();
  const calls: DiskCall[] = [];
  const failing: { fault: (call: DiskCall) => Fault | undefined } = { fault: () => undefined };
  const disk: Disk = faultyDisk(memory, (call) => {
    calls.push(call);
    return failing.fault(call);
  });
  return { memory, disk, calls, failing };
}

/** The segments and what is to become one, but not the slot files. */
const isSegment = ({ path }: DiskCall) => path.endsWith(".seg") || path.endsWith("/spare");
const firstOf = (matches: (call: DiskCall) => boolean, fault: Fault) => {
  let isOver = false;
  return (call: DiskCall) => {
    if (isOver || !matches(call)) return undefined;
    isOver = true;
    return fault;
  };
};

test("nothing is acknowledged or read before its sync, and what arrives meanwhile shares the next one", async () => {
  const { disk, calls } = aFailingDisk();
  const spool = await openTestSpool(disk);
  await spool.append([aRecord(0)]);
  calls.length = 0;

  const appending = Array.from({ length: 20 }, (_, index) => spool.append([aRecord(1 + index)]));
  expect(spool.state.nextOffset).toBe(1);
  await Promise.all(appending);

  expect(calls.filter(({ operation }) => operation === "sync").length).toBeLessThanOrEqual(2);
  expect(spool.state.nextOffset).toBe(21);
});

test.each([1, 63, 64, 100, 150, 5000])(
  "a write that comes out short at %i bytes leaves nothing behind and is told as full (T41)",
  async (shortBytes) => {
    const { memory, disk, failing } = aFailingDisk();
    const clock = new ManualClock();
    const spool = await openTestSpool(disk, { clock });
    await spool.append(someRecords(0, 3));
    const group = someRecords(3, 60);
    let hasFailed = false;
    failing.fault = (call) => {
      if (call.operation !== "write" || !isSegment(call)) return undefined;
      if (hasFailed) return { code: "ENOSPC" };
      hasFailed = true;
      return { shortBytes };
    };

    const refused = await spool.append(group);
    const refusing = spool.state.refusing;
    const [path = ""] = segmentPaths(memory);
    expect(memory.bytesOf(path)).toHaveLength(spool.state.bytes);
    failing.fault = () => undefined;
    await clock.advance(10_000);
    // Shorter than what failed: whole records of that lie behind it, if nobody took them back.
    const stored = await spool.append([aRecord(90)]);

    expect(new Set(statusesOf(refused))).toEqual(new Set(["full"]));
    expect(refusing).toContain("full");
    expect(stored[0]).toEqual({ status: "appended", offset: 3 });
    expect(spool.state.refusing).toBeUndefined();
    memory.crash();
    const reopened = await openTestSpool(memory);
    const ids = (await readAll(reopened)).map(({ event }) => event.id);
    expect(ids).toEqual(["event-0", "event-1", "event-2", "event-90"]);
    expect(reopened.state.damaged).toBe(0);
    expect(statusesOf(await reopened.append(group))).not.toContain("duplicate");
  },
);

test("after a failed sync the group moves to a new segment and the old file is never synced again (P7, T12)", async () => {
  const { memory, disk, calls, failing } = aFailingDisk();
  const spool = await openTestSpool(disk);
  await spool.append(someRecords(0, 3));
  calls.length = 0;
  failing.fault = firstOf((call) => call.operation === "sync" && isSegment(call), { code: "EIO" });

  const outcomes = await spool.append([...someRecords(3, 3), aRecord(3)]);
  await spool.append([aRecord(6)]);

  expect(outcomes.map((outcome) => ("offset" in outcome ? outcome.offset : outcome))).toEqual([3, 4, 5, 3]);
  const [failed, ...later] = calls.filter((call) => call.operation === "sync" && isSegment(call));
  expect(later.length).toBeGreaterThan(1);
  expect(later.map(({ file }) => file)).not.toContain(failed?.file);
  expect(segmentPaths(memory)).toHaveLength(2);
  expect(offsetsOf(await readAll(spool))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  memory.crash();
  expect(offsetsOf(await readAll(await openTestSpool(memory)))).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("after two failures in a row nothing is stored, and a later append after a pause succeeds (P7)", async () => {
  const { memory, disk, failing } = aFailingDisk();
  const clock = new ManualClock();
  const spool = await openTestSpool(disk, { clock });
  await spool.append(someRecords(0, 3));
  failing.fault = (call) => (call.operation === "sync" && isSegment(call) ? { code: "EIO" } : undefined);

  const failed = await spool.append(someRecords(3, 2));
  const refusing = spool.state.refusing;
  failing.fault = () => undefined;
  const tooEarly = await spool.append(someRecords(3, 2));
  await clock.advance(10_000);
  const stored = await spool.append(someRecords(3, 2));

  expect(statusesOf(failed)).toEqual(["failed", "failed"]);
  expect(refusing).toContain("EIO");
  expect(statusesOf(tooEarly)).toEqual(["failed", "failed"]);
  expect(stored).toEqual([3, 4].map((offset) => ({ status: "appended", offset })));
  memory.crash();
  expect(offsetsOf(await readAll(await openTestSpool(memory)))).toEqual([0, 1, 2, 3, 4]);
});

test.each(["write", "sync", "rename", "open"] as const)(
  "whichever %s fails while segments are made and filled, what was acknowledged is there (T13)",
  async (operation) => {
    for (let nth = 0; nth < 25; nth++) {
      const { memory, disk, failing } = aFailingDisk();
      const clock = new ManualClock();
      const spool = await openTestSpool(disk, { clock });
      let seen = 0;
      failing.fault = (call) =>
        call.operation === operation && seen++ === nth ? { code: "EIO" } : undefined;
      const stored: number[] = [];
      for (let number = 0; number < 12; number++) {
        const [outcome] = await spool.append([aRecord(number, { body: Buffer.alloc(20_000, 0x20) })]);
        if (outcome?.status === "appended") stored.push(outcome.offset);
        await clock.advance(10_000);
      }

      memory.crash();
      const reopened = await openTestSpool(memory);
      expect(offsetsOf(await readAll(reopened)), `${operation} ${nth}`).toEqual(stored);
      expect(stored.length).toBeGreaterThanOrEqual(11);
      expect(reopened.state.damaged).toBe(0);
    }
  },
);

test("a call that needs several groups and segments is stored in order", async () => {
  const spool = await openTestSpool();
  const records = Array.from({ length: 40 }, (_, number) =>
    aRecord(number, { body: Buffer.alloc(9_000, 0x20) }),
  );

  const outcomes = await spool.append([
    ...records,
    aRecord(100, { body: Buffer.alloc(300_000, 0x20) }),
    aRecord(101),
  ]);

  expect(outcomes).toEqual(Array.from({ length: 42 }, (_, offset) => ({ status: "appended", offset })));
  expect(spool.segments.length).toBeGreaterThan(6);
  expect(offsetsOf(await readAll(spool))).toEqual(Array.from({ length: 42 }, (_, offset) => offset));
});

test("a record whose sum came with it is stored intact, also when the body is not what was received", async () => {
  const memory = new MemoryDisk();
  const spool = await openTestSpool(memory);
  const verbatim = aRecord(0);
  const redacted = aRecord(1);

  const outcomes = await spool.append([
    verbatim,
    { ...redacted, received: new Received(Buffer.from("what was received")) },
  ]);

  expect(statusesOf(outcomes)).toEqual(["appended", "appended"]);
  memory.crash();
  const ids = (await readAll(await openTestSpool(memory))).map(({ event }) => event.id);
  expect(ids).toEqual(["event-0", "event-1"]);
});

test("intake stops when the volume has too little left, but what closes open runs goes through (P6)", async () => {
  const memory = new MemoryDisk(1_000_000);
  const spool = await openTestSpool(memory, { minFreeBytes: 950_000 });

  const first = await spool.append([aRecord(0, { body: Buffer.alloc(60_000) })]);
  const closing = await spool.append([aRecord(1, { flags: FLAG_RESERVE })]);

  expect(first[0]).toMatchObject({ status: "full" });
  expect(first[0]).toHaveProperty("reason", expect.stringContaining("min_free"));
  expect(statusesOf(closing)).toEqual(["appended"]);
});

test("a spool that was full finds out by itself that there is room, without an append", async () => {
  const { disk } = aFailingDisk();
  const clock = new ManualClock();
  let freeBytes = 1_000;
  const spool = await openTestSpool(
    { ...disk, freeBytes: async () => freeBytes },
    { clock, minFreeBytes: 950_000 },
  );
  await spool.append([aRecord(0)]);

  await clock.advance(5_000);
  const whileFull = spool.state.refusing;
  freeBytes = 2_000_000;
  await clock.advance(1_000);

  expect(whileFull).toContain("min_free");
  expect(spool.state.refusing).toBeUndefined();
  await spool.close();
});

test("a full volume never ends in half a record, and space that returns is used (T40)", async () => {
  const memory = new MemoryDisk(200_000);
  const clock = new ManualClock();
  const spool = await openTestSpool(memory, { clock });
  const stored: number[] = [];
  for (let number = 0; number < 40; number++) {
    const [outcome] = await spool.append([aRecord(number, { body: Buffer.alloc(10_007, 0x20) })]);
    if (outcome?.status === "appended") stored.push(outcome.offset);
    await clock.advance(6_000);
  }

  await spool.trim(0, 8);
  await clock.advance(6_000);
  const after = await spool.append([aRecord(99)]);

  expect(stored.length).toBeGreaterThan(10);
  expect(stored.length).toBeLessThan(20);
  expect(statusesOf(after)).toEqual(["appended"]);
  memory.crash();
  const reopened = await openTestSpool(memory);
  expect(reopened.state).toMatchObject({ damaged: 0, nextOffset: stored.length + 1 });
  expect(offsetsOf(await readAll(reopened)).at(-1)).toBe(stored.length);
});

test.each([0, 100, 1_500, 9_000])(
  "where others leave %i bytes of the volume after it was looked at, no half record is kept (P6, T40)",
  async (leftBytes) => {
    const memory = new MemoryDisk(200_000);
    const clock = new ManualClock();
    const spool = await openTestSpool(memory, { clock });
    const large = (number: number) => aRecord(number, { body: Buffer.alloc(10_007, 0x20) });
    await spool.append([large(0)]);
    const stranger = await memory.open("/stranger", "create");
    stranger.write(Buffer.alloc((await memory.freeBytes()) - leftBytes), 0);

    const outcomes = await spool.append(Array.from({ length: 12 }, (_, index) => large(1 + index)));
    await stranger.truncate(0);
    await clock.advance(10_000);
    const after = await spool.append([large(20)]);

    const stored = [...outcomes, ...after].filter(({ status }) => status === "appended").length;
    expect(statusesOf(outcomes)).toContain("full");
    expect(statusesOf(after)).toEqual(["appended"]);
    memory.crash();
    const reopened = await openTestSpool(memory);
    expect(reopened.state).toMatchObject({ damaged: 0, nextOffset: 1 + stored });
    expect(offsetsOf(await readAll(reopened))).toHaveLength(1 + stored);
  },
);

test("a caller that gives up while the disk hangs hears so at once", async () => {
  const memory = new MemoryDisk();
  let release = () => {};
  let hangs = false;
  const hanging: Disk = {
    ...faultyDisk(memory, () => undefined),
    async open(path, mode) {
      const file = await memory.open(path, mode);
      const hang = () =>
        new Promise<void>((resolve) => {
          release = resolve;
        });
      return { ...file, sync: () => (hangs ? hang() : file.sync()) };
    },
  };
  const spool = await openTestSpool(hanging);
  await spool.append([aRecord(0)]);
  hangs = true;
  const stuck = spool.append([aRecord(1)]);
  const giveUp = new AbortController();
  const waiting = spool.append([aRecord(2)], giveUp.signal);

  giveUp.abort();

  expect(statusesOf(await waiting)).toEqual(["failed"]);
  hangs = false;
  release();
  expect(statusesOf(await stuck)).toEqual(["appended"]);
  expect(spool.state.nextOffset).toBe(2);
});

test("zeros are written ahead when nobody appends, and the next segment is ready", async () => {
  const memory = new MemoryDisk();
  const clock = new ManualClock();
  const spool = await openTestSpool(memory, { clock, segmentBytes: 3 * 1024 * 1024 });
  await spool.append([aRecord(0, { body: Buffer.alloc(100_000) })]);

  await clock.advance(100);

  const [path = ""] = segmentPaths(memory);
  expect(memory.bytesOf(path)).toHaveLength(3 * 1024 * 1024);
  expect(memory.bytesOf("/data/spool/spare")).toHaveLength(3 * 1024 * 1024);
});
