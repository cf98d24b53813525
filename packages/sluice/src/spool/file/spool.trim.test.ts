import { faultyDisk, ManualClock, MemoryDisk, type OpenMode, seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { aRecord, offsetsOf, openTestSpool, readAll, statusesOf } from "../../testing/spool-fixture.ts";

const large = (number: number) => aRecord(number, { body: Buffer.alloc(30_000, 0x20) });
const never = new AbortController().signal;

test("whichever unlinks survive a power cut, what was trimmed is gone and is no damage", async () => {
  for (let seed = 0; seed < 100; seed++) {
    const disk = new MemoryDisk();
    const random = seededRandom(seed);
    const spool = await openTestSpool(disk, { random });
    for (let number = 0; number < 20; number++) await spool.append([large(number)]);
    await spool.trim(0, 5 + Math.floor(random.fraction() * 10));
    const { firstOffset } = spool.state;

    disk.crash(random);

    const reopened = await openTestSpool(disk, { random });
    expect(reopened.state, `seed ${seed}`).toMatchObject({ firstOffset, nextOffset: 20, damaged: 0 });
    expect(offsetsOf(await readAll(reopened))).toHaveLength(20 - firstOffset);
    expect(statusesOf(await reopened.append([large(0)]))).toEqual(["appended"]);
  }
});

test("a power cut at any call of a trim leaves no damage, and what was not trimmed (P8)", async () => {
  let isDone = false;
  for (let cutAt = 0; !isDone; cutAt++) {
    const memory = new MemoryDisk();
    let left = Number.POSITIVE_INFINITY;
    const disk = faultyDisk(memory, () => {
      if (left-- === 0) memory.crash(seededRandom(cutAt));
      return left < 0 ? { code: "EIO" } : undefined;
    });
    const spool = await openTestSpool(disk);
    for (let number = 0; number < 8; number++) await spool.append([large(number)]);
    left = cutAt;
    isDone = await spool.trim(0, 6).then(
      () => left >= 0,
      () => false,
    );

    const reopened = await openTestSpool(memory);
    expect(reopened.state, `call ${cutAt}`).toMatchObject({ nextOffset: 8, damaged: 0 });
    expect(offsetsOf(await readAll(reopened)).slice(-2)).toEqual([6, 7]);
  }
});

test("a reader whose segment is trimmed under it goes on behind it", async () => {
  const memory = new MemoryDisk();
  let atOpen: (() => Promise<void>) | undefined;
  const faulty = faultyDisk(memory, () => undefined);
  const disk = {
    ...faulty,
    async open(path: string, mode: OpenMode) {
      if (mode === "read" && path.endsWith(".seg")) await atOpen?.();
      return faulty.open(path, mode);
    },
  };
  const spool = await openTestSpool(disk, { tailBytes: 0 });
  for (let number = 0; number < 6; number++) await spool.append([large(number)]);
  atOpen = async () => {
    atOpen = undefined;
    await spool.trim(0, 4);
  };

  const records = await spool.read(0, 0, { records: 1, bytes: 1 }, never);

  expect(offsetsOf(records)).toEqual([4]);
});

test("nothing is removed before the tally is durable", async () => {
  const memory = new MemoryDisk();
  let fails = false;
  const disk = faultyDisk(memory, ({ operation, path }) =>
    fails && operation === "sync" && path.includes("tally") ? { code: "EIO" } : undefined,
  );
  const spool = await openTestSpool(disk, { clock: new ManualClock() });
  for (let number = 0; number < 6; number++) await spool.append([large(number)]);
  fails = true;

  await expect(spool.trim(0, 4)).rejects.toMatchObject({ code: "EIO" });
  expect(offsetsOf(await readAll(spool))).toEqual([0, 1, 2, 3, 4, 5]);

  fails = false;
  await spool.trim(0, 4);
  expect(spool.state.firstOffset).toBe(4);
});

test("the ids of what a trim keeps are known, and those of what it removed are not (P3)", async () => {
  const spool = await openTestSpool();
  for (let number = 0; number < 6; number++) await spool.append([large(number)]);
  await spool.trim(0, 4);
  expect(spool.state.firstOffset).toBe(4);

  const outcomes = await spool.append([2, 3, 4, 5].map(large));

  expect(statusesOf(outcomes)).toEqual(["appended", "appended", "duplicate", "duplicate"]);
});
