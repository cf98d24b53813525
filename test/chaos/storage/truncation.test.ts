import type { MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled, seededDraw } from "../scale.ts";
import {
  openAndRead,
  segmentsOf,
  type WriteOptions,
  type WrittenSegment,
  writeSpool,
  wrongPayloads,
} from "./written-spool.ts";

const KIB = 1024;
const SEGMENT_BYTES = 96 * KIB;
const SPOOL = { bodyBytes: KIB, segmentBytes: SEGMENT_BYTES };
const LIMITS = scaled({ test: 20_000, chaos: 900_000, soak: 900_000 });

/** What is left of a spool that was stopped and then damaged: whole records in front, and how many were lost. */
interface Expected {
  readonly there: number;
  readonly damaged: number;
  readonly nextOffset: number;
}

test(
  "a last segment that is cut at any byte keeps every whole record (P8, T11)",
  async () => {
    const { disk, segment: last } = await oneSegment(80, "killed");
    const end = endOf(last);
    const every = scaled({ test: 397, chaos: 1, soak: 1 });

    let cuts = 0;
    for (let size = end - 64 * KIB; size <= end; size += every, cuts++) {
      const whole = wholeBelow(last, size);
      await expectLeft(disk, last, last.bytes.subarray(0, size), {
        there: whole,
        damaged: 0,
        nextOffset: whole,
      });
    }

    const what = `cuts of the last segment, ${every === 1 ? "one at every byte of 64 KiB" : "spread over 64 KiB"}`;
    figure("P8", `${what} (${cuts}): starts that failed, or lost a whole record`, 0, "0");
  },
  LIMITS,
);

test(
  "a cut after a clean stop is damage: what it took is counted, and its offsets are not given again (P8, T11)",
  async () => {
    const { disk, segment: last } = await oneSegment(80, "closed");

    const every = scaled({ test: 3_989, chaos: 67, soak: 7 });
    for (let size = 1_024; size <= endOf(last); size += every) {
      const whole = wholeBelow(last, size);
      const expected = { there: whole, damaged: 80 - whole, nextOffset: 80 };
      await expectLeft(disk, last, last.bytes.subarray(0, size), expected);
    }
  },
  LIMITS,
);

test(
  "a sealed segment that is cut loses what was cut off, and nothing behind it (P8, T11)",
  async () => {
    const random = seededDraw();
    const disk = await writeSpool({ ...SPOOL, records: 200, end: "closed" });
    const [sealed, next] = segmentsOf(disk);
    if (!sealed || !next) throw new Error("there is no sealed segment");

    const cuts = scaled({ test: 25, chaos: 1_000, soak: 20_000 });
    for (let cut = 0; cut < cuts; cut++) {
      // 1 KiB of it is the header block: without that it is no segment, and its records are a gap.
      const size = Math.floor(random.fraction() * endOf(sealed));
      const whole = size < 64 ? 0 : wholeBelow(sealed, size);
      const damaged = sealed.places.length - whole;
      const expected = { there: 200 - damaged, damaged, nextOffset: 200 };
      await expectLeft(disk, sealed, sealed.bytes.subarray(0, size), expected);
    }
    figure("P8", `cuts of a sealed segment (${cuts}): records lost beyond what was cut off`, 0, "0");
  },
  LIMITS,
);

test(
  "zeros in the place of the last bytes are a torn tail (P8, T11)",
  async () => {
    const { disk, segment: last } = await oneSegment(80, "killed");
    const end = endOf(last);

    const every = scaled({ test: 1_999, chaos: 61, soak: 7 });
    for (let from = end - 64 * KIB; from <= end; from += every) {
      const zeroed = Buffer.from(last.bytes);
      zeroed.fill(0, from);
      const whole = wholeBelow(last, from);
      await expectLeft(disk, last, zeroed, { there: whole, damaged: 0, nextOffset: whole });
    }
    figure(
      "P8",
      "last bytes replaced by zeros, up to 64 KiB: starts that failed, or lost a whole record",
      0,
      "0",
    );
  },
  LIMITS,
);

test(
  "whatever was appended to the last segment is no record and no damage (P8, T11)",
  async () => {
    const random = seededDraw();
    const { disk, segment: last } = await oneSegment(20, "killed");
    const written = last.bytes.subarray(0, endOf(last));
    const garbage = (count: number) => random.fill(new Uint8Array(count));
    const tails = [
      Buffer.alloc(64 * KIB),
      garbage(64 * KIB),
      garbage(1),
      garbage(63),
      Buffer.from([0xf5, 0x73, 0x6c, 0xff]),
      // Records that are whole and lie in the wrong place: the second one, and all of them with their header.
      written.subarray(last.places[1]?.from, last.places[1]?.to),
      written,
      Buffer.concat([Buffer.alloc(64 * KIB), written.subarray(1_024)]),
      ...Array.from({ length: scaled({ test: 5, chaos: 200, soak: 5_000 }) }, () =>
        garbage(Math.ceil(random.fraction() * 8 * KIB)),
      ),
    ];

    for (const tail of tails) {
      const expected = { there: 20, damaged: 0, nextOffset: 20 };
      await expectLeft(disk, last, Buffer.concat([written, tail]), expected);
    }
    figure("P8", `tails of garbage, zeros and misplaced records (${tails.length}): records made up`, 0, "0");
  },
  LIMITS,
);

/** A spool of so few records that they are in one segment. */
async function oneSegment(records: number, end: WriteOptions["end"]) {
  const disk = await writeSpool({ ...SPOOL, records, end });
  const [segment, next] = segmentsOf(disk);
  if (!segment || next) throw new Error("not one segment was written");
  return { disk, segment };
}

async function expectLeft(
  disk: MemoryDisk,
  segment: WrittenSegment,
  bytes: Uint8Array,
  expected: Expected,
  segments = segmentsOnce(disk),
): Promise<void> {
  const damaged = disk.copy();
  damaged.put(segment.path, bytes);

  const { spool, records, nextOffset } = await openAndRead(damaged, SEGMENT_BYTES);

  const about = `${segment.path} of ${bytes.length} bytes`;
  const found = { there: records.length, damaged: spool.state.damaged, nextOffset };
  expect(found, about).toEqual(expected);
  expect(wrongPayloads(records, segments), about).toEqual([]);
  await spool.close();
}

const known = new WeakMap<MemoryDisk, readonly WrittenSegment[]>();

function segmentsOnce(disk: MemoryDisk): readonly WrittenSegment[] {
  const segments = known.get(disk) ?? segmentsOf(disk);
  known.set(disk, segments);
  return segments;
}

function endOf({ places }: WrittenSegment): number {
  return places.at(-1)?.to ?? 0;
}

function wholeBelow({ places }: WrittenSegment, size: number): number {
  return places.filter(({ to }) => to <= size).length;
}
