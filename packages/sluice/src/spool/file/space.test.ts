import { faultyDisk, ManualClock, MemoryDisk, seededRandom, systemClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { aRecord, openTestSpool } from "../../testing/spool-fixture.ts";
import { FLAG_RESERVE } from "../spool.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SEGMENT_BYTES = 256 * KIB;
const MAX_BYTES = 2 * 1024 * KIB;

function takenBytes(disk: MemoryDisk): number {
  return disk.paths.reduce((sum, path) => sum + disk.bytesOf(path).length, 0);
}

test.each([1, 2, 3])(
  "whatever is appended, trimmed and refused, all files together stay below the limit and a segment (seed %i) (P6)",
  async (seed) => {
    const random = seededRandom(seed);
    const disk = new MemoryDisk();
    const clock = new ManualClock();
    const faulty = faultyDisk(disk, ({ operation, path }) =>
      operation === "sync" && path.endsWith(".seg") && random.fraction() < 0.02 ? { code: "EIO" } : undefined,
    );
    const spool = await openTestSpool(faulty, {
      random,
      clock,
      maxBytes: MAX_BYTES,
      segmentBytes: SEGMENT_BYTES,
    });
    const lease = await spool.lease("sink", 0);
    let most = 0;
    let refused = 0;
    for (let number = 0; number < 400; number++) {
      const body = Buffer.alloc(Math.floor(random.fraction() ** 3 * 200 * KIB), 0x20);
      const flags = random.fraction() < 0.2 ? FLAG_RESERVE : 0;
      const [outcome] = await spool.append([aRecord(number, { body, flags })]);
      if (outcome?.status === "full") refused++;
      most = Math.max(most, takenBytes(disk));
      await clock.advance(random.fraction() < 0.5 ? 100 : 1);
      await spool.resting();
      most = Math.max(most, takenBytes(disk));
      if (random.fraction() < 0.05) await spool.commit(lease, Buffer.alloc(random.fraction() * 20_000), true);
      if (random.fraction() < 0.02) await spool.trim(0, spool.layout.offsetToFree(0, MAX_BYTES / 3));
    }
    await spool.close();

    expect(refused).toBeGreaterThan(0);
    expect(most).toBeGreaterThan(MAX_BYTES * 0.9);
    expect(most).toBeLessThanOrEqual(MAX_BYTES + SEGMENT_BYTES);
  },
);

test("a segment that ends gives the zeros behind its last record back", async () => {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk, { segmentBytes: 64 * KIB });
  for (let number = 0; number < 6; number++) {
    await spool.append([aRecord(number, { body: Buffer.alloc(40 * KIB, 0x20) })]);
    await spool.resting();
  }

  const [first = ""] = disk.paths.filter((path) => path.endsWith(".seg"));
  expect(disk.bytesOf(first).length).toBeLessThan(46 * KIB);
  expect(spool.segments[0]?.bytes).toBe(disk.bytesOf(first).length);
  await spool.close();
});

test("the bytes from an offset on are those of its records, about, wherever it lies", async () => {
  const spool = await openTestSpool(new MemoryDisk(), { segmentBytes: 128 * KIB });
  const size = 10 * KIB + 64;
  for (let number = 0; number < 60; number++) {
    await spool.append([aRecord(number, { body: Buffer.alloc(10 * KIB, 0x20) })]);
  }

  for (let from = 0; from <= 60; from++) {
    const headers = 4_096 * (spool.segments.length + 1);
    const bytes = spool.layout.bytesFrom(0, from);
    expect(Math.abs(bytes - (60 - from) * size), `from ${from}`).toBeLessThanOrEqual(headers);
    if (from > 0) expect(bytes).toBeLessThanOrEqual(spool.layout.bytesFrom(0, from - 1));
  }
  expect(spool.layout.bytesFrom(0, 60)).toBe(0);
  await spool.close();
});

test("what has to go for some bytes is whole segments, and never the one that is written to", async () => {
  const spool = await openTestSpool(new MemoryDisk(), { segmentBytes: 64 * KIB });
  for (let number = 0; number < 8; number++) {
    await spool.append([aRecord(number, { body: Buffer.alloc(30 * KIB, 0x20) })]);
  }
  const [first, second] = spool.segments;

  expect(spool.layout.offsetToFree(0, 0)).toBe(0);
  expect(spool.layout.offsetToFree(0, 1)).toBe(first?.nextOffset);
  expect(spool.layout.offsetToFree(0, (first?.bytes ?? 0) + 1)).toBe(second?.nextOffset);
  expect(spool.layout.offsetToFree(0, 1e9)).toBe(spool.segments.at(-1)?.firstOffset);
  await spool.close();
});

test("zeros are written ahead only as far as they fit into the one segment above the limit", async () => {
  const disk = new MemoryDisk();
  const segmentBytes = 4 * MIB;
  const spool = await openTestSpool(disk, { maxBytes: 16 * MIB, segmentBytes });
  // Two fill a segment to 3.5 MiB, and a short one begins the fifth.
  for (let number = 0; number < 9; number++) {
    const bytes = number < 8 ? 1.75 * MIB : 0.25 * MIB;
    expect(
      await spool.append([aRecord(number, { body: Buffer.alloc(bytes - 8 * KIB, 0x20) })]),
    ).toMatchObject([{ status: "appended" }]);
  }
  await spool.resting();

  expect(takenBytes(disk)).toBeGreaterThan(16 * MIB);
  expect(takenBytes(disk)).toBeLessThanOrEqual(16 * MIB + segmentBytes);
  await spool.close();
});

test("large ledgers, and what failed writes left behind, leave less for records", async () => {
  const disk = new MemoryDisk();
  let syncs = 0;
  const faulty = faultyDisk(disk, ({ operation, path }) =>
    operation === "sync" && /spare|seg$/.test(path) && ++syncs % 3 === 0 ? { code: "EIO" } : undefined,
  );
  const limits = { maxBytes: MAX_BYTES, segmentBytes: SEGMENT_BYTES };
  const spool = await openTestSpool(faulty, { ...limits, clock: systemClock });
  await spool.commit(await spool.lease("sink", 0), Buffer.alloc(200 * KIB), true);
  let status = "appended";
  for (let number = 0; status !== "full"; number++) {
    const body = Buffer.alloc(90 * KIB, 0x20);
    status = (await spool.append([aRecord(number, { body })]))[0]?.status ?? "";
  }

  expect(takenBytes(disk)).toBeLessThanOrEqual(MAX_BYTES + SEGMENT_BYTES);
  await spool.close();

  const again = await openTestSpool(disk, limits);
  await again.lease("sink", 0);
  expect(again.state.bytes, "known after a restart").toBeGreaterThan(takenBytes(disk) * 0.9);
  await again.close();
});

test("what a trim gives back is taken at once after the volume was full, whatever pause was begun", async () => {
  const disk = new MemoryDisk();
  let isFull = false;
  const faulty = faultyDisk(disk, ({ operation, path }) =>
    isFull && operation === "write" && /spare|seg$/.test(path) ? { code: "ENOSPC" } : undefined,
  );
  const spool = await openTestSpool(faulty, { segmentBytes: 64 * KIB });
  for (let number = 0; number < 8; number++) {
    await spool.append([aRecord(number, { body: Buffer.alloc(30 * KIB, 0x20) })]);
  }
  isFull = true;
  expect(await spool.append([aRecord(8)])).toMatchObject([{ status: "full" }]);
  isFull = false;
  expect(await spool.append([aRecord(8)]), "in the pause").toMatchObject([{ status: "full" }]);

  await spool.trim(0, spool.layout.offsetToFree(0, 1));

  expect(await spool.append([aRecord(8)])).toMatchObject([{ status: "appended" }]);
  expect(spool.state.refusing).toBeUndefined();
  await spool.close();
});
