import { faultyDisk, MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { readSlots, SlotFile } from "./slots.ts";

const SPOOL_ID = "00112233445566778899aabbccddeeff";

async function aDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/ledgers");
  return disk;
}

function open(disk: MemoryDisk, spoolId = SPOOL_ID): SlotFile {
  return new SlotFile(disk, "/ledgers", "route", spoolId);
}

async function stored(disk: MemoryDisk): Promise<string | undefined> {
  const payload = await open(disk).open();
  return payload && Buffer.from(payload).toString();
}

test("the newest value is read back, whatever order the slots are in", async () => {
  const disk = await aDisk();
  const file = open(disk);
  await file.open();

  for (let value = 0; value < 10; value++) {
    await file.write(Buffer.from(`value ${value}`), value % 4 === 0);
    expect(await stored(disk)).toBe(`value ${value}`);
  }
});

test("a power cut takes at most what was written since the last sync", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed);
    const disk = await aDisk();
    const file = open(disk);
    await file.open();
    let synced = 0;
    const writes = 1 + Math.floor(random.fraction() * 12);
    for (let value = 1; value <= writes; value++) {
      const isDurable = value === 1 || random.fraction() < 0.3;
      await file.write(
        Buffer.from(`${value} ${"x".repeat(Math.floor(random.fraction() * 3_000))}`),
        isDurable,
      );
      if (isDurable) synced = value;
    }

    disk.crash(random);

    const value = Number((await stored(disk))?.split(" ")[0]);
    expect(value, `seed ${seed}`).toBeGreaterThanOrEqual(synced);
    expect(value).toBeLessThanOrEqual(writes);
  }
});

test("a value that outgrows its slot moves to larger ones and survives a power cut", async () => {
  const disk = await aDisk();
  const file = open(disk);
  await file.open();
  await file.write(Buffer.from("small"), true);

  await file.write(Buffer.alloc(100_000, 0x61), false);
  disk.crash();

  expect(await stored(disk)).toHaveLength(100_000);
});

test("a value of another spool is not believed", async () => {
  const disk = await aDisk();
  const file = open(disk);
  await file.open();
  await file.write(Buffer.from("mine"), true);

  expect(await open(disk, "ff".repeat(16)).open()).toBeUndefined();
  expect((await readSlots(disk, "/ledgers/route"))?.spoolId).toBe(SPOOL_ID);
});

test("damage to the newest slot brings back the one before, and damage to all of them nothing", async () => {
  const disk = await aDisk();
  const file = open(disk);
  await file.open();
  await file.write(Buffer.from("first"), true);
  await file.write(Buffer.from("second"), true);
  const bytes = Uint8Array.from(disk.bytesOf("/ledgers/route"));

  bytes[4096 + 66] = 0;
  disk.put("/ledgers/route", bytes);
  expect(await stored(disk)).toBe("first");

  bytes[66] = 0;
  disk.put("/ledgers/route", bytes);
  expect(await stored(disk)).toBeUndefined();
});

test("after a failed sync the value goes to a new file", async () => {
  const memory = await aDisk();
  let fails = false;
  const disk = faultyDisk(memory, ({ operation }) =>
    fails && operation === "sync" ? { code: "EIO" } : undefined,
  );
  const file = new SlotFile(disk, "/ledgers", "route", SPOOL_ID);
  await file.open();
  await file.write(Buffer.from("one"), true);
  fails = true;
  await expect(file.write(Buffer.from("two"), true)).rejects.toMatchObject({ code: "EIO" });
  fails = false;

  await file.write(Buffer.from("three"), false);

  memory.crash();
  expect(await stored(memory)).toBe("three");
});

test("a value whose new file was not kept in the directory is followed by one that is (P7)", async () => {
  const memory = await aDisk();
  let fails = false;
  const disk = faultyDisk(memory, ({ operation, path }) =>
    fails && operation === "open" && path === "/ledgers" ? { code: "EMFILE" } : undefined,
  );
  const file = new SlotFile(disk, "/ledgers", "route", SPOOL_ID);
  await file.open();
  await file.write(Buffer.from("one"), true);
  fails = true;
  await expect(file.write(Buffer.alloc(9_000, 0x61), true)).rejects.toMatchObject({ code: "EMFILE" });
  fails = false;

  await file.write(Buffer.from("three"), true);

  memory.crash();
  expect(await stored(memory)).toBe("three");
});

test("a value that could not move to larger slots leaves the ones there are as they were (P6)", async () => {
  const memory = await aDisk();
  let fails = false;
  const disk = faultyDisk(memory, ({ operation }) =>
    fails && operation === "rename" ? { code: "ENOSPC" } : undefined,
  );
  const file = new SlotFile(disk, "/ledgers", "route", SPOOL_ID);
  await file.open();
  await file.write(Buffer.from("one"), true);
  fails = true;
  await expect(file.write(Buffer.alloc(9_000, 0x61), true)).rejects.toMatchObject({ code: "ENOSPC" });
  expect(await stored(memory)).toBe("one");
  fails = false;

  await file.write(Buffer.from("three"), true);

  memory.crash();
  expect(await stored(memory)).toBe("three");
});

test("a value that cannot be synced where it was found moves to a new file (P7)", async () => {
  const memory = await aDisk();
  const first = open(memory);
  await first.open();
  await first.write(Buffer.from("one"), true);
  await first.write(Buffer.from("two"), false);
  const synced: number[] = [];
  const disk = faultyDisk(memory, ({ operation, path, file }) => {
    if (operation !== "sync" || path === "/ledgers") return undefined;
    synced.push(file);
    return synced.length === 1 ? { code: "EIO" } : undefined;
  });

  const file = new SlotFile(disk, "/ledgers", "route", SPOOL_ID);
  expect(Buffer.from((await file.open()) ?? []).toString()).toBe("two");
  await file.write(Buffer.from("three"), true);

  expect(synced.slice(1)).not.toContain(synced[0]);
  memory.crash();
  expect(await stored(memory)).toBe("three");
});
