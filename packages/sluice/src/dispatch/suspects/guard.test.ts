import { ManualClock, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { FLAG_SET_ASIDE, type SpoolRecord } from "../../spool/spool.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { record } from "../route.test-support.ts";
import { type Guard, openGuard, type Trial } from "./guard.ts";

const LIMIT = { records: 100, bytes: 1e6 };

/** Lives of a process on one data directory. A life that is not closed has died. */
class Lives {
  readonly disk = new MemoryDisk();
  readonly spool = new MemorySpool();
  readonly warnings: string[] = [];
  readonly tried: string[] = [];
  trial: Trial | undefined = "survived";
  machineRun = "first";

  begin(): Promise<Guard> {
    const { trial, machineRun } = this;
    return openGuard({
      machineRun,
      spool: this.spool,
      partition: 0,
      disk: this.disk,
      clock: new ManualClock(),
      dataDir: "/data",
      ...(trial && {
        tryRecord: async (body: Uint8Array) => {
          this.tried.push(JSON.parse(Buffer.from(body).toString()).id);
          return trial;
        },
      }),
      warn: (message) => this.warnings.push(message),
    });
  }

  async read({ spool }: Guard, from = 0): Promise<readonly SpoolRecord[]> {
    return spool.read(0, from, LIMIT, new AbortController().signal);
  }

  /** A life that dies while it reads the record at an offset. */
  async dieAt(offset: number): Promise<void> {
    const records = await this.read(await this.begin());
    for (const each of records.slice(0, offset + 1)) each.event;
    // Code that runs on is the only code that is covered: nothing is awaited here.
    this.#freeze();
  }

  #freeze(): void {
    const bytes = Uint8Array.from(this.disk.bytesOf("/data/suspect"));
    this.disk.put("/data/suspect", bytes);
  }
}

async function threeRecords(): Promise<Lives> {
  const lives = new Lives();
  await lives.spool.append(["a", "b", "c"].map((id) => record(id)));
  return lives;
}

test("a record that ends the process twice is set aside at the third start, and the rest is served (P8, T19)", async () => {
  const lives = await threeRecords();
  lives.trial = "ended";

  await lives.dieAt(1); // The first end: nobody was watched yet.
  await lives.dieAt(1);
  const guard = await lives.begin();

  const records = await lives.read(guard);
  expect(records.map(({ flags }) => flags & FLAG_SET_ASIDE)).toEqual([0, FLAG_SET_ASIDE, 0]);
  expect(() => records[1]?.event).toThrow("set aside");
  expect(lives.tried).toEqual(["b"]);
  expect(lives.warnings).toEqual([expect.stringContaining("The record at offset 1 ended this process")]);
  const kept = Buffer.from(lives.disk.bytesOf("/data/quarantine/record-1.json")).toString();
  expect(JSON.parse(kept).id).toBe("b");
});

test("what was set aside stays so over restarts, in order and out of order, and is not tried again", async () => {
  const lives = await threeRecords();
  lives.trial = "ended";
  for (let life = 0; life < 2; life++) await lives.dieAt(1);
  await (await lives.begin()).close();

  for (const isInOrder of [true, false, true]) {
    const guard = await lives.begin();
    const records = await lives.read(guard);
    expect(records.map(({ flags }) => flags)).toEqual([0, FLAG_SET_ASIDE, 0]);
    if (isInOrder) await guard.close();
  }
  expect(lives.tried).toEqual(["b"]);
});

test("a spool that was begun anew gets nothing set aside", async () => {
  const lives = await threeRecords();
  lives.trial = "ended";
  for (let life = 0; life < 2; life++) await lives.dieAt(1);
  await (await lives.begin()).close();
  const anew = new Lives();
  await anew.spool.append(["x", "y", "z"].map((id) => record(id)));
  anew.disk.put("/data/set-aside", lives.disk.bytesOf("/data/set-aside"));

  const records = await anew.read(await anew.begin());

  expect(records.map(({ flags, event }) => [flags, event.id])).toEqual([
    [0, "x"],
    [0, "y"],
    [0, "z"],
  ]);
});

test("a kill by chance while a record is read costs one trial and blames nobody (T01)", async () => {
  const lives = await threeRecords();

  for (const offset of [0, 1, 2, 0, 2, 1]) await lives.dieAt(offset);
  const guard = await lives.begin();

  expect((await lives.read(guard)).map(({ flags }) => flags)).toEqual([0, 0, 0]);
  expect(lives.tried).toEqual(["b", "c", "a", "c", "b"]);
});

test("what a power cut has left on the disk blames nobody, however often (P8)", async () => {
  const lives = await threeRecords();
  lives.trial = "ended";

  for (const machineRun of ["first", "second", "third", "fourth"]) {
    lives.machineRun = machineRun;
    await lives.dieAt(2);
  }
  lives.machineRun = "fifth";
  const guard = await lives.begin();

  expect((await lives.read(guard)).map(({ flags }) => flags)).toEqual([0, 0, 0]);
  expect(lives.tried).toEqual([]);
});

test("three ends in a row at one record are believed, whatever its trials say", async () => {
  const lives = await threeRecords();

  for (let life = 0; life < 4; life++) await lives.dieAt(2);
  const records = await lives.read(await lives.begin());

  expect(lives.tried).toEqual(["c", "c", "c"]);
  expect(records.map(({ flags }) => flags)).toEqual([0, 0, FLAG_SET_ASIDE]);
});

test.each([
  ["cannot be done", "unknown"],
  ["is not there", undefined],
] as const)("where a trial %s, the second end in a row decides", async (_, trial) => {
  const lives = await threeRecords();
  lives.trial = trial;

  for (let life = 0; life < 3; life++) await lives.dieAt(0);
  expect(lives.warnings).toEqual([]);
  const records = await lives.read(await lives.begin());

  expect(records[0]?.flags).toBe(FLAG_SET_ASIDE);
});

test("after an end in order, and for what is appended later, nothing is noted", async () => {
  const lives = await threeRecords();
  await (await lives.begin()).close();
  const orderly = await lives.begin();
  const before = Buffer.from(lives.disk.bytesOf("/data/suspect"));

  for (const each of await lives.read(orderly)) each.event;
  expect(Buffer.from(lives.disk.bytesOf("/data/suspect")).equals(before)).toBe(true);

  const watchful = await lives.begin();
  await lives.spool.append([record("later")]);
  const written = Buffer.from(lives.disk.bytesOf("/data/suspect"));
  const [later] = await lives.read(watchful, 3);
  expect(later?.event.id).toBe("later");
  expect(Buffer.from(lives.disk.bytesOf("/data/suspect")).equals(written)).toBe(true);
});

test("the note is gone when the code that reads gives way", async () => {
  const lives = await threeRecords();
  await lives.begin();
  const [first] = await lives.read(await lives.begin());

  first?.event;
  await Promise.resolve();
  await lives.begin();

  expect(lives.tried).toEqual([]);
});

test("a note that is torn, foreign or of another log is nobody's", async () => {
  const lives = await threeRecords();
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.alloc(36, 0xff),
    Buffer.from("SLSUSP01 and nonsense of 36 bytes...."),
  ]) {
    lives.disk.put("/data/suspect", bytes);
    await lives.begin();
  }
  await lives.dieAt(2);
  const other = new Lives();
  other.disk.put("/data/suspect", lives.disk.bytesOf("/data/suspect"));
  await other.begin();

  expect([...lives.tried, ...other.tried]).toEqual([]);
});
