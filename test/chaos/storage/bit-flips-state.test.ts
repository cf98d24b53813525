import type { MemoryDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  encodeDeadLetter,
  readKnown,
} from "../../../packages/sluice/src/dispatch/dead-letters/dead-letter.ts";
import { PendingEvent } from "../../../packages/sluice/src/dispatch/delivery/pending-event.ts";
import { StoredRecord } from "../../../packages/sluice/src/spool/stored-record.ts";
import { aRecord } from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { figure } from "../figures.ts";
import { scaled, seededDraw } from "../scale.ts";
import { MemoryHouse } from "./memory-house.ts";

/** What stands beside the segments: routes.json, ledgers, who owns the directory. */
const SINKS = ["first", "second", "-third"];
const EVENTS = 40;

let house: MemoryHouse;
beforeEach(() => {
  house = new MemoryHouse();
});
afterEach(() => house.close());

/** Two sinks that have 30 of 40 events, and one that has none. */
async function aStoppedHouse(): Promise<MemoryDisk> {
  await house.open(SINKS);
  await house.append(0, 30);
  await house.settle();
  await house.stop();
  await house.open(SINKS.map((sink) => `-${sink.replace("-", "")}`));
  await house.append(30, EVENTS - 30);
  await house.stop();
  return house.disk;
}

/** Opens a copy, and checks that every sink has every event then: twice at worst, never not at all. */
async function expectNothingSkipped(disk: MemoryDisk, about: string): Promise<void> {
  house.disk = disk;
  await house.open(["first", "second", "third"]);
  await house.settle();
  await house.stop();
  for (const sink of ["first", "second", "third"]) {
    const arrived = house.arrived(sink);
    const missing = Array.from({ length: EVENTS }, (_, n) => `event-${n}`).filter((id) => !arrived.has(id));
    expect(missing, `${about}: missing at ${sink}`).toEqual([]);
  }
  const { problems } = await house.verify();
  expect(problems, about).toEqual([]);
}

test.each(["routes.json", "owner.json", "ledgers/first.ledger", "ledgers/assembler.ledger"])(
  "a flipped bit in %s costs duplicates and no event of any sink (P8, P9, T10)",
  async (name) => {
    const random = seededDraw();
    const stopped = await aStoppedHouse();
    const bytes = Uint8Array.from(stopped.bytesOf(house.path(name)));
    const bits = usedBits(bytes, random, scaled({ test: 8, chaos: 300, soak: 20_000 }));

    for (const bit of bits) {
      const flipped = stopped.copy();
      flipped.put(house.path(name), flip(bytes, bit));
      await expectNothingSkipped(flipped, `${name}, bit ${bit}`);
    }

    figure("P8", `bits flipped in ${name} (${bits.length}): events that a sink did not get`, 0, "0");
  },
  scaled({ test: 30_000, chaos: 600_000, soak: 7_200_000 }),
);

test("a flipped bit in a dead letter never stands for another event (P2, P8, T10)", async () => {
  const items = [11, 12, 13].map((offset) => new PendingEvent(recordOf(offset), 0, 0));
  const line = { sink: "file", place: "00112233445566778899aabbccddeeff", at: "2026-01-01T00:00:00.000Z" };
  const letters = [items.slice(0, 1), items].map((group) =>
    Buffer.from(encodeDeadLetter({ items: group, dead: 1, reason: "rejected", words: "no" }, line)),
  );

  let flips = 0;
  for (const letter of letters) {
    const known = readKnown(letter.toString("latin1"));
    expect(known?.offsets[0]).toBe(11);
    for (let bit = 0; bit < letter.length * 8; bit++, flips++) {
      const flipped = readKnown(Buffer.from(flip(letter, bit)).toString("latin1"));
      if (!flipped || flipped.place !== known?.place) continue;
      expect(known.offsets, `bit ${bit}`).toEqual(expect.arrayContaining([...flipped.offsets]));
      expect([flipped.count, flipped.runKey], `bit ${bit}`).toEqual([known.count, known.runKey]);
    }
  }
  figure("P2", `bits flipped one by one in dead letters (${flips}): other events taken for dead`, 0, "0");
});

function recordOf(offset: number): StoredRecord {
  return new StoredRecord(offset, 2, 0, 77, 77, aRecord(offset).body);
}

/** Bits among the bytes that are not zero and a few that are: some thousand of each file mean something. */
function usedBits(bytes: Uint8Array, random: { fraction(): number }, count: number): readonly number[] {
  const used: number[] = [];
  for (const [index, byte] of bytes.entries()) if (byte !== 0 || random.fraction() < 0.001) used.push(index);
  const all = used.flatMap((byte) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => byte * 8 + bit));
  if (all.length <= count) return all;
  return Array.from({ length: count }, () => all[Math.floor(random.fraction() * all.length)] ?? 0);
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  const byte = bit >>> 3;
  flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}
