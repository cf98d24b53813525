import { crc32 } from "node:zlib";
import type { MemoryDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { MemoryHouse } from "./memory-house.ts";

/** A ledger that says what is not so costs duplicates: nothing waits for ever, and nothing is skipped. */
const EVENTS = scaled({ test: 400, chaos: 12_000, soak: 12_000 });
const LEDGER = "ledgers/file.ledger";

let house: MemoryHouse;
beforeEach(() => {
  house = new MemoryHouse();
});
afterEach(() => house.close());

/** One sink that has all but the last ten events, and every ledger that it had on the way. */
async function aStoppedHouse(): Promise<{ disk: MemoryDisk; earlier: readonly Uint8Array[] }> {
  const earlier: Uint8Array[] = [];
  await house.open(["file"]);
  for (const count of [10, EVENTS / 2, EVENTS / 2 - 20]) {
    await house.append([...house.arrived("file").keys()].length, count);
    await house.settle();
    earlier.push(Uint8Array.from(house.disk.bytesOf(house.path(LEDGER))));
  }
  await house.stop();
  await house.open(["-file"]);
  await house.append(EVENTS - 10, 10);
  await house.stop();
  return { disk: house.disk, earlier };
}

/** Everything arrives, the balance is exact, and what came twice is no more than `twice`. */
async function expectHealed(disk: MemoryDisk, twice: number): Promise<void> {
  house.disk = disk;
  await house.open(["file"]);
  await house.settle();
  await house.stop();

  const arrived = house.arrived("file");
  const missing = Array.from({ length: EVENTS }, (_, n) => `event-${n}`).filter((id) => !arrived.has(id));
  expect(missing).toEqual([]);
  const duplicates = [...arrived.values()].reduce((sum, count) => sum + count - 1, 0);
  expect(duplicates).toBeLessThanOrEqual(twice);
  const verified = await house.verify();
  expect(verified.problems).toEqual([]);
  const balance = verified.sinks.find(({ name }) => name === "file")?.balance;
  expect(balance).toMatchObject({ accepted: EVENTS, pending: 0, delivered: EVENTS });
}

test.each<[string, (bytes: Uint8Array) => Uint8Array | undefined]>([
  ["that is missing", () => undefined],
  ["that is empty, as after a rename without a sync", () => new Uint8Array(0)],
  ["of zeros", (bytes) => new Uint8Array(bytes.length)],
  ["with bad sums", (bytes) => bytes.map((byte, at) => (at % 4_096 === 70 ? byte ^ 1 : byte))],
  ["that was cut", (bytes) => bytes.subarray(0, bytes.length - 1)],
  ["of half a block", (bytes) => bytes.subarray(0, 2_048)],
  ["of the right size that is noise", (bytes) => bytes.map((_, at) => (at * 151) & 0xff)],
])("a ledger %s costs duplicates and no event (P9, T15)", async (_, change) => {
  const { disk } = await aStoppedHouse();
  const changed = change(disk.bytesOf(house.path(LEDGER)));
  if (changed) disk.put(house.path(LEDGER), changed);
  else await disk.remove(house.path(LEDGER));

  await expectHealed(disk, EVENTS - 10);
});

test(`a ledger that is older, by ten events or by nearly all, costs as many duplicates (P9, T15)`, async () => {
  const { disk, earlier } = await aStoppedHouse();
  const places = [10, EVENTS / 2 + 10];

  for (const [index, low] of places.entries()) {
    const copy = disk.copy();
    copy.put(house.path(LEDGER), earlier[index] ?? new Uint8Array(0));
    await expectHealed(copy, EVENTS - 10 - low);
  }
  figure("P9", `ledgers older by up to ${EVENTS - 20} events: events that were skipped`, 0, "0");
});

test("a ledger that is ahead of the data is not believed (P9, T15)", async () => {
  const { disk } = await aStoppedHouse();
  const ahead = lie(disk.bytesOf(house.path(LEDGER)), (payload) => {
    payload.writeUIntLE(EVENTS + 1_000, 34, 6); // low
    payload.writeUIntLE(EVENTS + 1_000, 40, 6); // delivered
  });
  disk.put(house.path(LEDGER), ahead);

  await expectHealed(disk, EVENTS - 10);
});

test.each<[string, (payload: Buffer) => void]>([
  ["more delivered than there were", (payload) => void payload.writeUIntLE(EVENTS * 2, 40, 6)],
  ["fewer delivered than are settled", (payload) => void payload.writeUIntLE(1, 40, 6)],
  ["a first offset behind the low one", (payload) => void payload.writeUIntLE(EVENTS, 28, 6)],
  ["another first offset", (payload) => void payload.writeUIntLE(1, 28, 6)],
  ["another place", (payload) => void payload.writeUInt8(payload.readUInt8(12) ^ 1, 12)],
  ["ranges that are not there", (payload) => void payload.writeUInt16LE(3_000, 8)],
])("a ledger with a good sum and %s is not believed (P9, T15)", async (_, change) => {
  const { disk } = await aStoppedHouse();
  disk.put(house.path(LEDGER), lie(disk.bytesOf(house.path(LEDGER)), change));

  await expectHealed(disk, EVENTS - 10);
});

test("a ledger of another data directory, or of another route of this one, is not believed (P9, T15)", async () => {
  const { disk } = await aStoppedHouse();
  const assembler = Uint8Array.from(disk.bytesOf(house.path("ledgers/assembler.ledger")));
  const other = new MemoryHouse(2);
  await other.open(["file"]);
  await other.append(0, EVENTS);
  await other.settle();
  await other.stop();
  const foreign = Uint8Array.from(other.disk.bytesOf(other.path(LEDGER)));
  await other.close();

  for (const bytes of [assembler, foreign]) {
    const copy = disk.copy();
    copy.put(house.path(LEDGER), bytes);
    await expectHealed(copy, EVENTS - 10);
  }
  figure(
    "P9",
    "ledgers of other places, ahead of the data, damaged or impossible: events that were skipped",
    0,
    "0",
  );
});

/** The same ledger in all its slots, changed, with sums that fit. */
function lie(bytes: Uint8Array, change: (payload: Buffer) => void): Uint8Array {
  const lying = Buffer.from(bytes);
  const slotBytes = lying.length / 3;
  for (const slot of [0, 1, 2]) {
    const frame = lying.subarray(slot * slotBytes, (slot + 1) * slotBytes);
    const payload = frame.subarray(64, 64 + frame.readUInt32LE(4));
    if (payload.length === 0) continue;
    change(payload);
    frame.writeUInt32LE(crc32(payload, crc32(frame.subarray(0, 60))), 60);
  }
  return lying;
}
