import type { MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { SEGMENT_HEADER_BYTES } from "../../../packages/sluice/src/spool/file/segment.ts";
import { readTally } from "../../../packages/sluice/src/spool/file/tally.ts";
import { aRecord, openTestSpool, TEST_DATA_DIR } from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { figure } from "../figures.ts";
import { scaled, seededDraw } from "../scale.ts";
import {
  openAndRead,
  quarantine,
  recordAtByte,
  segmentsOf,
  type WrittenSegment,
  writeSpool,
  wrongPayloads,
} from "./written-spool.ts";

const MIB = 1024 * 1024;

test(
  "whichever bit of three records flips, one record at most is lost, and it is counted (P8, T10)",
  async () => {
    const disk = await writeSpool({ records: 3, bodyBytes: 150, segmentBytes: 64 * 1024, end: "closed" });
    const [segment] = segmentsOf(disk);
    if (!segment) throw new Error("no segment was written");
    const end = segment.places.at(-1)?.to ?? 0;
    const every = scaled({ test: 13, chaos: 1, soak: 1 });

    let flips = 0;
    for (let bit = SEGMENT_HEADER_BYTES * 8; bit < end * 8; bit += every, flips++) {
      const flipped = disk.copy();
      flip(flipped, segment, [bit]);
      await expectTouchedOnly(flipped, [segment], segment, [bit], 64 * 1024);
    }

    figure(
      "P8",
      `bits flipped one by one in three records (${flips}): records lost beyond the touched one`,
      0,
      "0",
    );
    figure("P8", `bits flipped one by one in three records (${flips}): wrong payloads delivered`, 0, "0");
  },
  scaled({ test: 20_000, chaos: 300_000, soak: 300_000 }),
);

test(
  "a flipped bit in the header block of a segment costs nothing (P8, T10)",
  async () => {
    const disk = await writeSpool({ records: 300, bodyBytes: 500, segmentBytes: 64 * 1024, end: "closed" });
    const segments = segmentsOf(disk);
    const every = scaled({ test: 37, chaos: 1, soak: 1 });

    for (const segment of [segments[0], segments.at(-1)]) {
      if (!segment) throw new Error("no segment was written");
      for (let bit = 0; bit < 128 * 8; bit += every) {
        const flipped = disk.copy();
        // The header itself, then its second copy.
        flip(flipped, segment, [bit < 512 ? bit : 512 * 8 + (bit - 512)]);
        const { spool, records, nextOffset } = await openAndRead(flipped, 64 * 1024);
        expect([records.length, nextOffset, spool.state.damaged], `bit ${bit}`).toEqual([300, 300, 0]);
        expect(wrongPayloads(records, segments)).toEqual([]);
        await spool.close();
      }
    }
    figure("P8", "bits of a segment's header block flipped one by one: records lost", 0, "0");
  },
  scaled({ test: 20_000, chaos: 300_000, soak: 300_000 }),
);

test(
  `random flipped bits in a large sealed segment cost the records they hit (P8, T10)`,
  async () => {
    const random = seededDraw();
    const size = scaled({ test: 4 * MIB, chaos: 64 * MIB, soak: 64 * MIB });
    const flips = scaled({ test: 50, chaos: 2_000, soak: 50_000 });
    const perStart = 100;
    const segmentBytes = size;
    const records = Math.ceil((size * 1.02) / 1_100);
    const disk = await writeSpool({ records, bodyBytes: 1_024, segmentBytes, end: "closed" });
    const segments = segmentsOf(disk);
    const [sealed] = segments;
    if (!sealed || segments.length < 2) throw new Error("there is no sealed segment");
    const end = sealed.places.at(-1)?.to ?? 0;

    for (let done = 0; done < flips; done += perStart) {
      const bits = Array.from({ length: Math.min(perStart, flips - done) }, () =>
        Math.floor(random.fraction() * end * 8),
      );
      flip(disk, sealed, bits);
      await expectTouchedOnly(disk, segments, sealed, bits, segmentBytes);
      // A spool of this size is not copied for every round: it is put back as it was.
      disk.put(sealed.path, sealed.bytes);
      for (const path of disk.paths.filter((path) => path.includes("/quarantine/"))) await disk.remove(path);
      for (const segment of segments.slice(1)) disk.put(segment.path, segment.bytes);
      for (const path of disk.paths.filter((path) => path.endsWith(".seg"))) {
        if (!segments.some((segment) => segment.path === path)) await disk.remove(path);
      }
      disk.put(`${TEST_DATA_DIR}/spool/tally`, new Uint8Array(0));
    }

    const what = `random bits flipped in a sealed segment of ${size / MIB} MiB (${flips})`;
    figure("P8", `${what}: records lost beyond the touched ones`, 0, "0");
    figure("P8", `${what}: wrong payloads delivered`, 0, "0");
    figure("P8", `${what}: losses that were miscounted`, 0, "0");
  },
  scaled({ test: 30_000, chaos: 600_000, soak: 7_200_000 }),
);

test(
  "a flipped bit in the tally changes neither what is there nor what is counted (P8, T10)",
  async () => {
    const disk = await writeSpool({ records: 600, bodyBytes: 500, segmentBytes: 64 * 1024, end: "closed" });
    const segments = segmentsOf(disk);
    const path = `${TEST_DATA_DIR}/spool/tally`;
    const damaged = segments[0]?.places[3];
    const bytes = Uint8Array.from(segments[0]?.bytes ?? []);
    bytes.fill(0, (damaged?.from ?? 0) + 70, (damaged?.from ?? 0) + 80);
    disk.put(segments[0]?.path ?? "", bytes);
    const spool = await openTestSpool(disk);
    await spool.append([aRecord(600)]);
    await spool.trim(0, 300);
    // It is killed here: the trim is what the tally said last.
    const before = (await readTally(disk, `${TEST_DATA_DIR}/spool`))?.tally;
    const tally = Uint8Array.from(disk.bytesOf(path));
    const every = scaled({ test: 61, chaos: 1, soak: 1 });

    expect(before).toMatchObject({ damagedBefore: 1, knownDurable: 601, trimmedBefore: expect.any(Number) });
    for (const slot of [0, 1, 2]) {
      const from = (slot * tally.length) / 3;
      // The frame and the payload of 24 bytes; zeros lie behind.
      for (let bit = 0; bit < (64 + 24 + 8) * 8; bit += every) {
        const flipped = Uint8Array.from(tally);
        flipBit(flipped, from * 8 + bit);
        const copy = disk.copy();
        copy.put(path, flipped);
        const reopened = await openTestSpool(copy);
        expect(reopened.state, `slot ${slot}, bit ${bit}`).toMatchObject({
          nextOffset: 601,
          damaged: 1,
          firstOffset: before?.trimmedBefore,
        });
        await reopened.close();
      }
    }
    figure("P8", "bits of the tally flipped one by one: records lost or miscounted", 0, "0");
  },
  scaled({ test: 20_000, chaos: 300_000, soak: 300_000 }),
);

/** Exactly the records that were hit are gone; they are counted, and their bytes are kept. */
async function expectTouchedOnly(
  disk: MemoryDisk,
  segments: readonly WrittenSegment[],
  hit: WrittenSegment,
  bits: readonly number[],
  segmentBytes: number,
): Promise<void> {
  const flippedBytes = Buffer.from(disk.bytesOf(hit.path));
  const touched = new Set(
    bits.map((bit) => recordAtByte(hit, bit >>> 3)).filter((index) => index !== undefined),
  );
  const total = segments.reduce((sum, { places }) => sum + places.length, 0);

  const { spool, records, nextOffset } = await openAndRead(disk, segmentBytes);

  const about = `bits ${bits.join(" ")}`;
  const there = new Set(records.map(({ offset }) => offset));
  const lost = Array.from({ length: total }, (_, offset) => offset).filter((offset) => !there.has(offset));
  expect(lost, about).toEqual([...touched].map((index) => hit.firstOffset + index).sort((a, b) => a - b));
  expect(spool.state.damaged, about).toBe(touched.size);
  expect([nextOffset, records.length], about).toEqual([total, total - touched.size]);
  expect(wrongPayloads(records, segments), about).toEqual([]);
  const kept = await quarantine(disk);
  for (const index of touched)
    expect(isKept(kept, hit, index, flippedBytes), `${about}: record ${index}`).toBe(true);
  await spool.close();
}

/** A record's bytes lie in a file that begins where the damage does; neighbours that were hit share one. */
function isKept(
  kept: ReadonlyMap<string, Buffer>,
  segment: WrittenSegment,
  index: number,
  bytes: Buffer,
): boolean {
  const place = segment.places[index];
  if (!place) return false;
  for (const [name, content] of kept) {
    const [number, from] = name.split(/[-.]/).map(Number);
    if (number !== segment.number || from === undefined || from > place.from) continue;
    const part = content.subarray(place.from - from, place.to - from);
    if (part.equals(bytes.subarray(place.from, place.to))) return true;
  }
  return false;
}

function flip(disk: MemoryDisk, { path }: WrittenSegment, bits: readonly number[]): void {
  const bytes = Uint8Array.from(disk.bytesOf(path));
  for (const bit of bits) flipBit(bytes, bit);
  disk.put(path, bytes);
}

function flipBit(bytes: Uint8Array, bit: number): void {
  const byte = bit >>> 3;
  bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (bit & 7));
}
