import { ManualClock, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { PendingEvent } from "../delivery/pending-event.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { ids, PLACE, record, stage, textOf } from "../route.test-support.ts";
import type { DeadLetter } from "./dead-letter.ts";
import { countDeadLetters } from "./dead-letter-count.ts";
import { DeadLetterRoom } from "./dead-letter-room.ts";
import { openDeadLetters } from "./dead-letters.ts";
import { resolvedLine } from "./stored-letter.ts";

const path = "/d/hooks.jsonl";
const open = (disk: MemoryDisk, more: { room?: DeadLetterRoom; place?: string; low?: number } = {}) =>
  openDeadLetters({
    disk,
    clock: new ManualClock(),
    directory: "/d",
    sink: "hooks",
    place: PLACE,
    low: 0,
    ...more,
  });

async function letters(...names: readonly string[]): Promise<DeadLetter[]> {
  const spool = new MemorySpool();
  await spool.append(names.map((name) => record(name)));
  const items = [...spool.records.values()].map((each) => new PendingEvent(each, 0, 0));
  return items.map((item) => ({ items: [item], dead: 1, reason: "rejected", words: "no" }));
}

test("a letter is on the disk when its append resolves, and the directory entry with it", async () => {
  const disk = new MemoryDisk();
  const file = await open(disk);
  const [letter] = await letters("a");

  const appended = await file.append(letter ? [letter] : []);

  disk.crash();
  expect(appended).toBe("written");
  expect(JSON.parse(textOf(disk, path))).toMatchObject({ offset: 0, id: "a" });
  expect(file.count).toBe(1);
});

test("a torn last line is cut off, wherever it tore, and whole ones are counted once", async () => {
  const disk = new MemoryDisk();
  const file = await open(disk);
  const all = await letters("a", "b");
  for (const letter of all) await file.append([letter]);
  const whole = Buffer.from(disk.bytesOf(path));
  const firstLine = whole.indexOf(10) + 1;

  for (let length = 0; length <= whole.length; length++) {
    disk.put(path, whole.subarray(0, length));
    const again = await open(disk);
    const lines = length === whole.length ? 2 : length >= firstLine ? 1 : 0;
    expect(again.count).toBe(lines);
    expect(disk.bytesOf(path).length).toBe([0, firstLine, whole.length][lines]);
    await again.append(all);
    expect((await open(disk)).count).toBe(2);
  }
});

test("a line in which a power cut has left a hole counts for nothing, and the lines behind it do", async () => {
  const disk = new MemoryDisk();
  const file = await open(disk);
  const all = await letters("a", "b", "c");
  await file.append(all);
  const bytes = Buffer.from(disk.bytesOf(path));
  const second = bytes.indexOf(10) + 1;
  bytes.fill(0, bytes.indexOf('"event"', second), bytes.indexOf(10, second) - 2);
  disk.put(path, bytes);

  const again = await open(disk);

  expect([0, 1, 2].map((offset) => again.countFor(offset))).toEqual([1, undefined, 1]);
  expect(await countDeadLetters(disk, "/d", "hooks", PLACE)).toBe(2);
});

test("a letter that a killed process has not synced is durable once it is known again", async () => {
  const disk = new MemoryDisk();
  await open(disk);
  const written = new MemoryDisk();
  await (await open(written)).append(await letters("a"));
  const handle = await disk.open(path, "write");
  handle.write(written.bytesOf(path), 0);

  const known = (await open(disk)).countFor(0);
  disk.crash();

  expect(known).toBe(1);
  expect((await open(disk)).countFor(0)).toBe(1);
});

test("over its cap nothing is written, and the route counts the events as dropped", async () => {
  const setup = await stage({ capBytes: 700 });
  setup.sink.answer = () => ({ status: "rejected", reason: "no" });

  await setup.append(...ids(8));
  await setup.clock.advance(1_000);

  const { balance } = setup.route.status;
  expect(setup.warnings).toEqual([expect.stringContaining("(deadletters_full)")]);
  expect(balance.deadLettered).toBeGreaterThan(0);
  expect(balance.dropped).toEqual({ deadletters_full: 8 - balance.deadLettered });
  expect(textOf(setup.disk, "/deadletters/hooks.jsonl").length).toBeLessThanOrEqual(700);
  await setup.route.close();
});

test("one cap holds for the dead letters of all sinks, those of sinks that are away included", async () => {
  const disk = new MemoryDisk();
  disk.put("/d/away.jsonl", new Uint8Array(500));
  const room = new DeadLetterRoom(850);
  await room.count(disk, "/d");
  const opened = await open(disk, { room });

  expect(await opened.append(await letters("a"))).toBe("written");
  expect(await opened.append(await letters("b"))).toBe("full");

  expect(room.bytes).toBe(500 + disk.bytesOf(path).length);
});

test.each(["short write", "EIO"])(
  "after a %s the events stay pending, and are dead letters once when the disk is well",
  async (fault) => {
    const setup = await stage();
    setup.sink.answer = () => ({ status: "rejected", reason: "no" });
    setup.fault = ({ operation }) => {
      if (operation === "sync" && fault === "EIO") return { code: "EIO" };
      return operation === "write" && fault === "short write" ? { shortBytes: 50 } : undefined;
    };
    await setup.append("a");
    await setup.clock.advance(5_000);

    const during = setup.route.status.balance;
    setup.fault = undefined;
    await setup.clock.advance(60_000);

    expect(during).toMatchObject({ pending: 1, deadLettered: 0 });
    expect(setup.warnings.length).toBeGreaterThan(0);
    expect(setup.route.status.balance).toMatchObject({ pending: 0, deadLettered: 1 });
    expect(textOf(setup.disk, "/deadletters/hooks.jsonl").split("\n").length).toBe(2);
    await setup.route.close();
  },
);

test("letters of an earlier life of the name are counted and settle nothing", async () => {
  const disk = new MemoryDisk();
  await (await open(disk)).append(await letters("a"));

  const file = await open(disk, { place: "ff".repeat(16) });

  expect(file.count).toBe(1);
  expect(file.countFor(0)).toBeUndefined();
});

test("an event with line feeds between its tokens still makes one line of JSON", async () => {
  const disk = new MemoryDisk();
  const spool = new MemorySpool();
  await spool.append([record("x", { body: Buffer.from('{\n"id":"x",\n"kind":"a\\nb"}') })]);
  const items = [...spool.records.values()].map((each) => new PendingEvent(each, 0, 0));

  await (await open(disk)).append([{ items, dead: 1, reason: "rejected", words: "line\nfeed \ud800" }]);

  expect(textOf(disk, path).split("\n").length).toBe(2);
  expect(JSON.parse(textOf(disk, path)).event).toEqual({ id: "x", kind: "a\nb" });
});

test.each([
  ["retried", false],
  ["dropped", true],
] as const)("what comes after a dead start that was %s follows it: %s", async (resolution, follows) => {
  const disk = new MemoryDisk();
  const spool = new MemorySpool();
  await spool.append([record("s", { kind: "run.started", runId: "r1" })]);
  const [start] = [...spool.records.values()].map((each) => new PendingEvent(each, 0, 0));
  if (!start) throw new Error("nothing was stored");
  const { runKey } = start.record;
  const file = await open(disk);
  await file.append([{ items: [start], dead: 1, reason: "rejected", words: "no" }]);
  expect(file.follows(runKey)).toBe(true);

  await file.rewrite((line) => resolvedLine(line, resolution));

  expect(file.follows(runKey)).toBe(follows);
  expect((await open(disk)).follows(runKey)).toBe(follows);
});
