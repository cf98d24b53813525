import {
  createIds,
  encodeSpillHeader,
  faultyDisk,
  ManualClock,
  MemoryDisk,
  type ProcessIdentity,
  type ProcessTable,
  seededRandom,
  spillFileName,
} from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import type { AppendOutcome, NewRecord } from "../../spool/spool.ts";
import { openSpillSource, type SpillSource } from "./spill.ts";

const WRITER = "0123456789abcdef0123456789abcdef";
const LEFT = `/data/spill/${spillFileName(WRITER, 1, "left")}`;
const LIVE = `/data/spill/${spillFileName(WRITER, 1, "live")}`;
const identity: ProcessIdentity = { pid: 7, hostName: "host" };
const opened: SpillSource[] = [];

afterEach(async () => {
  for (const source of opened.splice(0)) await source.close();
});

/** A daemon's spill source over a disk in memory, with a spool that answers as the test says. */
function openRig() {
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const stored: string[] = [];
  const adopted: object[] = [];
  const warnings: string[] = [];
  const spool: { outcome: (record: NewRecord) => AppendOutcome } = {
    outcome: () => ({ status: "appended", offset: 0 }),
  };
  const writer: { state: ReturnType<ProcessTable["stateOf"]> } = { state: "alive" };
  const open = (on = faultyDisk(disk, () => undefined)) => {
    const source = openSpillSource({
      ...{ dataDir: "/data", disk: on, clock, ids: createIds(clock, seededRandom(1)) },
      intake: {
        bootId: "boot",
        durability: "disk",
        append: async (records) =>
          records.map((record) => {
            const outcome = spool.outcome(record);
            if (outcome.status === "appended") stored.push(record.id);
            return outcome;
          }),
      },
      processes: { self: identity, stateOf: () => writer.state },
      observer: {
        onAdopted: ({ name: _name, ...file }) => adopted.push(file),
        warn: (message) => warnings.push(message),
      },
    });
    opened.push(source);
    return source;
  };
  void disk.makeDirectory("/data/spill");
  const put = (path: string, ...lines: readonly string[]) =>
    disk.put(path, Buffer.concat([encodeSpillHeader(identity), Buffer.from(lines.join(""))]));
  return { clock, disk, stored, adopted, warnings, spool, writer, open, put };
}

function line(id: string): string {
  return `${JSON.stringify({ id, kind: "test.happened", time: "2026-11-21T05:00:00Z" })}\n`;
}

test("a file that was left is adopted at the start, in order, and is gone", async () => {
  const rig = openRig();
  rig.put(LEFT, line("e-1"), line("e-2"));

  rig.open();
  await rig.clock.advance(0);

  expect(rig.stored).toEqual(["e-1", "e-2"]);
  expect(rig.adopted).toEqual([{ events: 2, refused: 0, refusals: "", torn: 0 }]);
  expect(rig.disk.paths).toEqual([]);
});

test("a file stays with its writer while that lives, and is adopted within two seconds of its death", async () => {
  const rig = openRig();
  rig.put(LIVE, line("e-1"));

  rig.open();
  await rig.clock.advance(60_000);
  const early = rig.stored.length;
  rig.writer.state = "dead";
  await rig.clock.advance(2_000);

  expect(early).toBe(0);
  expect(rig.stored).toEqual(["e-1"]);
});

test("a file whose writer cannot be seen is adopted when it was silent for ten minutes", async () => {
  const rig = openRig();
  rig.writer.state = "unknown";
  rig.put(LIVE, line("e-1"));

  rig.open();
  await rig.clock.advance(599_000);
  rig.put(LIVE, line("e-1"), line("e-2"));
  await rig.clock.advance(599_000);
  const early = rig.stored.length;
  await rig.clock.advance(5_000);

  expect(early).toBe(0);
  expect(rig.stored).toEqual(["e-1", "e-2"]);
});

test("lines before the mark were acknowledged, and are not read", async () => {
  const rig = openRig();
  const header = Buffer.from(encodeSpillHeader(identity));
  const done = header.length + Buffer.byteLength(line("e-1"));
  header.write(String(done).padStart(12, "0"), header.indexOf('"done":"') + 8);
  rig.disk.put(LEFT, Buffer.concat([header, Buffer.from(line("e-1") + line("e-2"))]));

  rig.open();
  await rig.clock.advance(0);

  expect(rig.stored).toEqual(["e-2"]);
});

test("a last line without an end is counted and passed over", async () => {
  const rig = openRig();
  rig.put(LEFT, line("e-1"), line("e-2").slice(0, 20));

  rig.open();
  await rig.clock.advance(0);

  expect(rig.stored).toEqual(["e-1"]);
  expect(rig.adopted).toMatchObject([{ events: 1, torn: 1 }]);
  expect(rig.disk.paths).toEqual([]);
});

test("lines that will never be taken are kept aside, and cost their neighbours nothing", async () => {
  const rig = openRig();
  rig.put(LEFT, line("e-1"), '{"kind":\n', '{"kind":""}\n', line("other"), line("e-2"));
  rig.spool.outcome = ({ id }) => ({ status: id === "other" ? "conflict" : "appended", offset: 0 });

  rig.open();
  await rig.clock.advance(0);

  expect(rig.stored).toEqual(["e-1", "e-2"]);
  expect(rig.adopted).toMatchObject([
    { refused: 3, refusals: "1 malformed_json, 1 invalid_field, 1 conflict" },
  ]);
  expect(rig.disk.paths).toEqual([`${LEFT}.refused`]);
  const kept = Buffer.from(rig.disk.bytesOf(`${LEFT}.refused`)).toString();
  expect(kept).toBe(`{"kind":\n{"kind":""}\n${line("other")}`);
});

test("what is kept aside is durable, with its name, before the file is gone", async () => {
  const rig = openRig();
  rig.put(LEFT, '{"kind":""}\n');
  const calls: string[] = [];

  rig.open(
    faultyDisk(rig.disk, ({ operation, path }) => {
      if (operation === "sync" || operation === "remove") calls.push(`${operation} ${path}`);
      return undefined;
    }),
  );
  await rig.clock.advance(0);

  expect(calls).toEqual([`sync ${LEFT}.refused`, "sync /data/spill", `remove ${LEFT}`]);
});

test("the files of a writer are adopted in the order in which it wrote them", async () => {
  const rig = openRig();
  const numbers = [1, 2, 3, 9, 10, 11, 100];
  for (const number of numbers) {
    rig.put(`/data/spill/${spillFileName(WRITER, number, "left")}`, line(`e-${number}`));
  }

  rig.open();
  await rig.clock.advance(0);

  expect(rig.stored).toEqual(numbers.map((number) => `e-${number}`));
});

test("a daemon that was held up for long does not take that for the silence of a writer", async () => {
  const rig = openRig();
  const other = `/data/spill/${spillFileName(WRITER, 2, "left")}`;
  rig.writer.state = "unknown";
  rig.put(LIVE, line("e-1"));
  rig.open();
  await rig.clock.advance(2_000);

  rig.put(other, line("e-2"));
  rig.spool.outcome = () => ({ status: "full", reason: "no space" });
  await rig.clock.advance(3_600_000);
  rig.spool.outcome = () => ({ status: "appended", offset: 0 });
  await rig.clock.advance(60_000);

  expect(rig.stored).toEqual(["e-2"]);
});

test("a full spool is waited for, and what it has is not appended again", async () => {
  const rig = openRig();
  rig.put(LEFT, line("e-1"), line("e-2"));
  rig.spool.outcome = ({ id }) =>
    id === "e-1" ? { status: "appended", offset: 0 } : { status: "full", reason: "no space" };

  rig.open();
  await rig.clock.advance(30_000);
  const early = [...rig.disk.paths];
  rig.spool.outcome = () => ({ status: "appended", offset: 1 });
  await rig.clock.advance(2_000);

  expect(early).toEqual([LEFT]);
  expect(rig.stored).toEqual(["e-1", "e-2"]);
  expect(rig.disk.paths).toEqual([]);
});

test("a file that was not done when the daemon ended is adopted by the next one", async () => {
  const rig = openRig();
  rig.put(LEFT, line("e-1"), line("e-2"));
  rig.spool.outcome = () => ({ status: "failed", reason: "closed" });

  const first = rig.open();
  await rig.clock.advance(0);
  await first.close();
  rig.spool.outcome = () => ({ status: "appended", offset: 0 });
  rig.open();
  await rig.clock.advance(0);

  expect(rig.stored).toEqual(["e-1", "e-2"]);
  expect(rig.disk.paths).toEqual([]);
});

test("lines of every length come through, also one that is longer than a piece", async () => {
  const rig = openRig();
  const long = JSON.stringify({ id: "long", kind: "test.happened", data: "x".repeat(3_000_000) });
  rig.put(LEFT, line("e-1"), `${long}\n`, line("e-2"));

  rig.open();
  await rig.clock.advance(0);

  expect(rig.stored).toEqual(["e-1", "long", "e-2"]);
});

test("what is not ours is neither read nor removed, and is told once", async () => {
  const rig = openRig();
  const other = `/data/spill/${spillFileName(WRITER, 2, "left")}`;
  rig.disk.put("/data/spill/notes.ndjson", Buffer.from(line("e-1")));
  rig.disk.put(other, Buffer.from(line("e-2")));

  rig.open();
  await rig.clock.advance(10_000);

  expect(rig.stored).toEqual([]);
  expect(rig.disk.paths).toEqual([other, "/data/spill/notes.ndjson"].sort());
  expect(rig.warnings).toEqual([expect.stringContaining("it is no spill file of this version")]);
});

test("a writer that was killed before its header was whole leaves nothing behind", async () => {
  const rig = openRig();
  rig.disk.put(LEFT, encodeSpillHeader(identity).subarray(0, 50));

  rig.open();
  await rig.clock.advance(0);

  expect(rig.disk.paths).toEqual([]);
  expect(rig.adopted).toEqual([]);
});

test("a file that the disk does not give is told, keeps no other, and is tried again", async () => {
  const rig = openRig();
  const other = `/data/spill/${spillFileName(WRITER, 2, "left")}`;
  rig.put(LEFT, line("e-1"));
  rig.put(other, line("e-2"));
  let isBroken = true;
  rig.open(
    faultyDisk(rig.disk, ({ operation, path }) =>
      isBroken && operation === "read" && path === LEFT ? { code: "EIO" } : undefined,
    ),
  );

  await rig.clock.advance(10_000);
  const early = [...rig.stored];
  isBroken = false;
  await rig.clock.advance(2_000);

  expect(early).toEqual(["e-2"]);
  expect(rig.warnings).toEqual([expect.stringContaining("EIO")]);
  expect(rig.stored).toEqual(["e-2", "e-1"]);
});
