import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { type Disk, faultyDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aRecord, openTestSpool, TEST_DATA_DIR } from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { missingTools } from "../tools.ts";
import { MemoryHouse } from "./memory-house.ts";
import { openAndRead, segmentsOf, writeSpool, wrongPayloads } from "./written-spool.ts";

const SEGMENT_BYTES = 64 * 1024;

/** Files that are gone, and files that should not be there. */
let memory: MemoryHouse;
let house: House;
beforeEach(() => {
  memory = new MemoryHouse();
  house = new House();
});
afterEach(async () => {
  await memory.close();
  await house.close();
});

test("whichever sealed segment is deleted, its records are counted and no other is given up (P8, T16)", async () => {
  const disk = await writeSpool({ records: 400, bodyBytes: 900, segmentBytes: SEGMENT_BYTES, end: "closed" });
  const segments = segmentsOf(disk);

  for (const gone of segments) {
    const copy = disk.copy();
    await copy.remove(gone.path);
    const { spool, records, nextOffset } = await openAndRead(copy, SEGMENT_BYTES);

    const lost = gone.places.length;
    expect([spool.state.damaged, records.length, nextOffset], gone.path).toEqual([lost, 400 - lost, 400]);
    expect(wrongPayloads(records, segments)).toEqual([]);
    await spool.close();
  }
  figure("P8", `each of ${segments.length} segments deleted once: gaps that were miscounted`, 0, "0");
});

test("every route counts a deleted segment as dropped{damaged}, once (P2, T16)", async () => {
  await memory.open(["first", "-second"]);
  await memory.append(0, 50);
  await memory.settle();
  await memory.stop();
  for (const path of memory.disk.paths.filter((path) => path.endsWith(".seg")))
    await memory.disk.remove(path);

  await memory.open(["first", "second"]);
  await memory.append(50, 1);
  const [first, second] = await memory.settle();
  await memory.stop();

  expect(first?.balance).toMatchObject({ accepted: 51, delivered: 51, dropped: {} });
  expect(second?.balance).toMatchObject({ accepted: 51, delivered: 1, dropped: { damaged: 50 } });
  const { problems, damaged } = await memory.verify();
  expect({ problems, damaged }).toEqual({ problems: [], damaged: 50 });
});

test("a segment with a higher number that belongs to nobody is put aside, and one of ours is adopted (P8, T16)", async () => {
  const disk = await writeSpool({ records: 100, bodyBytes: 900, segmentBytes: SEGMENT_BYTES, end: "closed" });
  const other = await writeSpool({ records: 30, bodyBytes: 700, segmentBytes: SEGMENT_BYTES, end: "closed" });
  const [own] = segmentsOf(disk);
  const [foreign] = segmentsOf(other);
  const foreignBytes = Buffer.from(foreign?.bytes ?? []);
  // Both spools were made with one seed: another id and sums that fit make it somebody else's.
  reheader(foreignBytes, (header) => header.fill(0x77, 16, 32));
  disk.put(`${TEST_DATA_DIR}/spool/000000000099.seg`, foreignBytes);
  disk.put(`${TEST_DATA_DIR}/spool/000000000098.seg`, own?.bytes ?? Buffer.alloc(0));

  const { spool, records } = await openAndRead(disk, SEGMENT_BYTES);

  expect([records.length, spool.state.damaged]).toEqual([100, 0]);
  const kept = await disk.list(`${TEST_DATA_DIR}/quarantine`);
  expect(kept).toEqual(["000000000098.seg", "000000000099.seg"]);
  for (let number = 0; number < 100; number++) {
    await spool.append([aRecord(5_000 + number, { body: Buffer.alloc(2_000, 0x20) })]);
  }
  await spool.close();
  const names = await disk.list(`${TEST_DATA_DIR}/spool`);
  expect(
    names
      .filter((name) => name.endsWith(".seg"))
      .at(-1)
      ?.localeCompare("000000000099.seg"),
  ).toBe(1);
});

test("what a crash left half made is used or goes, and what nobody knows stays (P8, T16)", async () => {
  const disk = await writeSpool({ records: 20, bodyBytes: 900, segmentBytes: SEGMENT_BYTES, end: "killed" });
  const directory = `${TEST_DATA_DIR}/spool`;
  disk.put(`${directory}/spare`, Buffer.alloc(200_000, 0xa5));
  disk.put(`${directory}/tally.new`, Buffer.from("half a tally"));
  disk.put(`${TEST_DATA_DIR}/ledgers/file.ledger.new`, Buffer.from("half a ledger"));
  for (const name of ["notes.txt", "1.seg", "00000000000x.seg", "tally.bak"]) {
    disk.put(`${directory}/${name}`, Buffer.from("mine"));
  }
  disk.put(`${TEST_DATA_DIR}/ledgers/%zz.ledger`, Buffer.from("mine"));

  const { spool, records } = await openAndRead(disk, SEGMENT_BYTES);
  await spool.close();

  expect(records.length).toBe(20);
  for (const name of ["notes.txt", "1.seg", "00000000000x.seg", "tally.bak"]) {
    expect(Buffer.from(disk.bytesOf(`${directory}/${name}`)).toString()).toBe("mine");
  }
});

test.each([
  ["cannot be written", (path: string) => path.includes("/quarantine/")],
  ["cannot be read either", (path: string) => path.includes("/quarantine")],
])("a quarantine that %s keeps no evidence, and nobody from starting (P8, T16)", async (_, isFaulty) => {
  const disk = await writeSpool({ records: 20, bodyBytes: 900, segmentBytes: SEGMENT_BYTES, end: "closed" });
  const [segment] = segmentsOf(disk);
  const bytes = Buffer.from(segment?.bytes ?? []);
  bytes[segment?.places[4]?.from ?? 0] = 0;
  disk.put(segment?.path ?? "", bytes);
  disk.put(`${TEST_DATA_DIR}/spool/000000000050.seg`, Buffer.from("a stranger"));
  const closed: Disk = faultyDisk(disk, ({ operation, path }) =>
    isFaulty(path) || operation === "rename" ? { code: "EROFS" } : undefined,
  );

  const spool = await openTestSpool(closed, { segmentBytes: SEGMENT_BYTES });

  expect(spool.state).toMatchObject({ nextOffset: 20, damaged: 1 });
  expect(await disk.list(`${TEST_DATA_DIR}/quarantine`)).toEqual([]);
  await spool.close();
});

const missing = missingTools("linux", "mkfifo");
test.skipIf(missing)(
  `links, pipes and directories in the places of our files are moved aside, and the daemon starts (P8, T16)${missing}`,
  async () => {
    house.configure(`
    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }
  `);
    await house.start();
    await post(0);
    await house.stop();
    const outside = join(house.path, "outside");
    writeFileSync(outside, "not ours");
    const at = (name: string) => join(house.dataDir, name);
    const plant = (name: string, make: (path: string) => void) => {
      rmSync(at(name), { force: true, recursive: true });
      mkdirSync(dirname(at(name)), { recursive: true });
      make(at(name));
    };
    const link = (path: string) => symlinkSync(outside, path);
    const pipe = (path: string) => void execFileSync("mkfifo", [path]);
    const directory = (path: string) => void mkdirSync(join(path, "full"), { recursive: true });
    const names = [
      "spool/tally",
      "spool/spare",
      "ledgers/file.ledger",
      "routes.json",
      "suspect",
      "set-aside",
    ];
    names.push("deadletters/file.jsonl", ...[7, 8, 9].map((number) => `spool/00000000000${number}.seg`));
    const makes = [link, pipe, directory];

    const starts = scaled({ test: 1, chaos: 3, soak: 3 });
    for (let start = 1; start <= starts; start++) {
      for (const [index, name] of names.entries()) plant(name, makes[(index + start) % makes.length] ?? link);
      await house.start();
      await post(start);
      await eventually(
        () => (house.lines().some(({ id }) => id === `event-${start}`) ? true : undefined),
        20_000,
      );
      await house.kill();
    }
    const verified = await house.run("verify");

    expect(verified.exit, verified.stderr).toBe(0);
    expect(readFileSync(outside, "utf8")).toBe("not ours");
    expect(readdirSync(at("quarantine")).length).toBeGreaterThanOrEqual(7);
    figure(
      "P8",
      "starts with links, pipes and directories planted in the places of our files",
      `${starts} of ${starts}`,
      "all",
    );
  },
  180_000,
);

async function post(number: number): Promise<void> {
  const answer = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id: `event-${number}`, kind: "note.taken", data: { number } }),
  });
  expect(answer.status).toBe(202);
}

function reheader(segment: Buffer, change: (header: Buffer) => void): void {
  for (const at of [0, 512]) {
    const header = segment.subarray(at, at + 64);
    change(header);
    header.writeUInt32LE(crc32(header.subarray(0, 60)), 60);
  }
}
