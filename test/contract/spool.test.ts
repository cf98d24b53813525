import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom, systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, describe, expect, test } from "vitest";
import { openFileSpool } from "../../packages/sluice/src/spool/file/spool.ts";
import { createMemorySpool } from "../../packages/sluice/src/spool/memory.ts";
import { Received } from "../../packages/sluice/src/spool/received.ts";
import { FLAG_PARTIAL, FLAG_RESERVE, type Spool } from "../../packages/sluice/src/spool/spool.ts";
import {
  aRecord,
  offsetsOf,
  readAll,
  someRecords,
  statusesOf,
} from "../../packages/sluice/src/testing/spool-fixture.ts";

/** Other bytes than those of the record with the same id. */
const OTHER = new Received(Buffer.from("other"));

const never = new AbortController().signal;
const MAX_BYTES = 1024 * 1024;
const RESERVE_BYTES = 64 * 1024;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const implementations = {
  async memory(): Promise<Spool> {
    return createMemorySpool({ maxBytes: MAX_BYTES, reserveBytes: RESERVE_BYTES });
  },
  async file(): Promise<Spool> {
    const dataDir = await mkdtemp(join(tmpdir(), "sluice-spool-"));
    closing.push(() => rm(dataDir, { recursive: true }));
    return openFileSpool({
      dataDir,
      disk: systemDisk,
      clock: systemClock,
      random: seededRandom(7),
      maxBytes: MAX_BYTES,
      minFreeBytes: 0,
      reserveBytes: RESERVE_BYTES,
    });
  },
};

describe.each(Object.entries(implementations))("the %s spool", (_name, open) => {
  async function openSpool(): Promise<Spool> {
    const spool = await open();
    closing.push(() => spool.close());
    return spool;
  }

  test("gives offsets without gaps and returns every record as it was appended", async () => {
    const spool = await openSpool();
    const record = aRecord(2, { kindCode: 5, flags: FLAG_PARTIAL, runId: "run", orderKey: "trace" });

    const outcomes = await spool.append([aRecord(0), aRecord(1), record]);
    const [, , read] = await readAll(spool);

    expect(outcomes).toEqual([0, 1, 2].map((offset) => ({ status: "appended", offset })));
    expect(read).toMatchObject({ offset: 2, kindCode: 5, flags: FLAG_PARTIAL });
    expect(Buffer.from(read?.body ?? [])).toEqual(Buffer.from(record.body));
    expect(read?.event.id).toBe("event-2");
    expect(spool.state).toMatchObject({ firstOffset: 0, nextOffset: 3, damaged: 0 });
  });

  test("takes a call without records, also as its first", async () => {
    const spool = await openSpool();

    expect(await spool.append([])).toEqual([]);
    expect(await spool.append([], undefined, "os")).toEqual([]);
    expect(spool.state.nextOffset).toBe(0);
  });

  test("gives equal keys for equal ids, others for others, and none without one", async () => {
    const spool = await openSpool();
    await spool.append([
      aRecord(0, { runId: "a", orderKey: "t" }),
      aRecord(1, { runId: "b", orderKey: "t" }),
      aRecord(2, { runId: "a" }),
    ]);

    const [first, second, third] = await readAll(spool);

    expect(first?.runKey).not.toBe(second?.runKey);
    expect(third?.runKey).toBe(first?.runKey);
    expect(second?.orderKey).toBe(first?.orderKey);
    expect(third?.orderKey).toBe(0);
  });

  test("tells a duplicate from a conflict, with the offset of the stored one (P3)", async () => {
    const spool = await openSpool();
    await spool.append([aRecord(0), aRecord(1)]);

    const outcomes = await spool.append([aRecord(1), aRecord(0, { received: OTHER }), aRecord(2)]);

    expect(outcomes).toEqual([
      { status: "duplicate", offset: 1 },
      { status: "conflict", offset: 0 },
      { status: "appended", offset: 2 },
    ]);
  });

  test("says where the record with an id lies, while the id is known", async () => {
    const spool = await openSpool();
    await spool.append(someRecords(0, 3));

    expect(spool.layout.offsetOf(0, aRecord(2).id)).toBe(2);
    expect(spool.layout.offsetOf(0, aRecord(3).id)).toBeUndefined();
  });

  test("finds a duplicate inside one call and in a call that is still under way", async () => {
    const spool = await openSpool();

    const [first, second] = await Promise.all([
      spool.append([aRecord(0), aRecord(0), aRecord(0, { received: OTHER })]),
      spool.append([aRecord(0)]),
    ]);

    expect(statusesOf(first)).toEqual(["appended", "duplicate", "conflict"]);
    expect(second).toEqual([{ status: "duplicate", offset: 0 }]);
    expect(await readAll(spool)).toHaveLength(1);
  });

  test("serves calls first come, first served", async () => {
    const spool = await openSpool();

    const calls = Array.from({ length: 50 }, (_, call) => spool.append(someRecords(call * 10, 10)));
    await Promise.all(calls);

    const numbers = (await readAll(spool)).map(({ event }) => event.id);
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, number) => `event-${number}`));
  });

  test("reads at most what the limits say, and at least one record", async () => {
    const spool = await openSpool();
    await spool.append(someRecords(0, 10));
    const size = aRecord(0).body.length;

    const byCount = await spool.read(0, 2, { records: 3, bytes: 1_000_000 }, never);
    const byBytes = await spool.read(0, 2, { records: 100, bytes: size * 2 + 1 }, never);
    const tooSmall = await spool.read(0, 2, { records: 100, bytes: 1 }, never);

    expect(offsetsOf(byCount)).toEqual([2, 3, 4]);
    expect(offsetsOf(byBytes)).toEqual([2, 3]);
    expect(offsetsOf(tooSmall)).toEqual([2]);
  });

  test("wakes a reader that waits at the tail, and lets it go when it gives up", async () => {
    const spool = await openSpool();
    const patient = spool.read(0, 0, { records: 10, bytes: 1000 }, never);
    const giveUp = new AbortController();
    const impatient = spool.read(0, 1, { records: 10, bytes: 1000 }, giveUp.signal);

    await spool.append([aRecord(0)]);
    giveUp.abort();

    expect(offsetsOf(await patient)).toEqual([0]);
    expect(await impatient).toEqual([]);
  });

  test("shows a reader at the tail every record once and in order while others append", async () => {
    const spool = await openSpool();
    const count = 600;
    const follow = async () => {
      const seen: number[] = [];
      while (seen.length < count) {
        seen.push(...offsetsOf(await spool.read(0, seen.length, { records: 7, bytes: 5_000 }, never)));
      }
      return seen;
    };

    const readers = [follow(), follow(), follow()];
    for (let number = 0; number < count; number += 3) await spool.append(someRecords(number, 3));

    const expected = Array.from({ length: count }, (_, offset) => offset);
    for (const seen of await Promise.all(readers)) expect(seen).toEqual(expected);
  });

  test("shares one record, and so one decoded event, among all readers", async () => {
    const spool = await openSpool();
    await spool.append([aRecord(0)]);

    const [one] = await spool.read(0, 0, { records: 1, bytes: 1000 }, never);
    const [other] = await spool.read(0, 0, { records: 1, bytes: 1000 }, never);

    expect(one).toBe(other);
    expect(one?.event).toBe(other?.event);
  });

  test("refuses a lease that was taken over, and keeps its ledger for the next", async () => {
    const spool = await openSpool();
    const first = await spool.lease("file@replay/1", 0);
    await spool.commit(first, Buffer.from("one"), true);

    const second = await spool.lease("file@replay/1", 0);
    const late = await spool.commit(first, Buffer.from("late"), false);
    const third = await spool.lease("file@replay/1", 0);

    expect(first.ledger).toBeUndefined();
    expect(first.lost.aborted).toBe(true);
    expect(late).toBe(false);
    expect(Buffer.from(second.ledger ?? []).toString()).toBe("one");
    expect(Buffer.from(third.ledger ?? []).toString()).toBe("one");
  });

  test("refuses at its limit, nothing smaller overtakes, and the reserve closes what is open (P6)", async () => {
    const spool = await openSpool();
    const large = { body: Buffer.alloc(100_000, 0x61) };
    const many = Array.from({ length: 12 }, (_, number) => aRecord(number, large));

    const outcomes = await spool.append([...many, aRecord(99)]);
    const reserved = await spool.append([aRecord(100, { flags: FLAG_RESERVE })]);

    const refused = statusesOf(outcomes).indexOf("full");
    expect(refused).toBeGreaterThan(0);
    expect(new Set(statusesOf(outcomes).slice(refused))).toEqual(new Set(["full"]));
    expect(statusesOf(reserved)).toEqual(["appended"]);
    expect(spool.state.bytes).toBeLessThanOrEqual(MAX_BYTES);
    expect((await readAll(spool)).at(-1)?.flags).toBe(0);
  });

  test("takes records again after a trim, and reads on behind what is gone", async () => {
    const spool = await openSpool();
    const large = { body: Buffer.alloc(50_000, 0x61) };
    for (let number = 0; number < 15; number++) await spool.append([aRecord(number, large)]);
    const before = spool.state.bytes;

    await spool.trim(0, 8);
    const [first] = await spool.read(0, 0, { records: 1, bytes: 1 }, never);
    const again = await spool.append([aRecord(0, large)]);

    expect(spool.state.bytes).toBeLessThan(before);
    expect(spool.state.firstOffset).toBeGreaterThan(0);
    expect(spool.state.firstOffset).toBeLessThanOrEqual(8);
    expect(first?.offset).toBe(spool.state.firstOffset);
    expect(statusesOf(again)).toEqual(["appended"]);
  });

  test("shows os records to readers in order with the others, finds their ids, and counts none at rest (P1)", async () => {
    const spool = await openSpool();

    const outcomes = await Promise.all([
      spool.append([aRecord(0)], undefined, "os"),
      spool.append([aRecord(1)]),
      spool.append([aRecord(2), aRecord(0)], undefined, "os"),
    ]);
    const [third] = await spool.read(0, 2, { records: 1, bytes: 1 }, never);

    expect(outcomes.flat()).toEqual([
      { status: "appended", offset: 0 },
      { status: "appended", offset: 1 },
      { status: "appended", offset: 2 },
      { status: "duplicate", offset: 0 },
    ]);
    expect(third?.event.id).toBe("event-2");
    expect(spool.state).toMatchObject({ nextOffset: 3, unsynced: 0 });
  });

  test("finishes what was appended before it closes, then refuses and lets readers go", async () => {
    const spool = await openSpool();
    const reading = spool.read(0, 1, { records: 1, bytes: 1 }, never);
    const appending = spool.append([aRecord(0)]);

    await Promise.all([spool.close(), spool.close()]);

    expect(statusesOf(await appending)).toEqual(["appended"]);
    expect(await reading).toEqual([]);
    expect(statusesOf(await spool.append([aRecord(1)]))).toEqual(["failed"]);
  });

  test("does not store what its caller gave up before", async () => {
    const spool = await openSpool();

    const outcomes = await spool.append([aRecord(0)], AbortSignal.abort());

    expect(statusesOf(outcomes)).toEqual(["failed"]);
    expect(spool.state.nextOffset).toBe(0);
  });
});
