import { ManualClock, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { PendingEvent } from "../delivery/pending-event.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { ids, PLACE, record, stage, textOf } from "../route.test-support.ts";
import type { DeadLetter } from "./dead-letter.ts";
import { openDeadLetters } from "./dead-letters.ts";

const path = "/d/hooks.jsonl";
const open = (disk: MemoryDisk, more: { capBytes?: number; place?: string; low?: number } = {}) =>
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

test("over its cap nothing is written, and the route counts the events as dropped", async () => {
  const setup = await stage({ capBytes: 700 });
  setup.sink.answer = () => ({ status: "rejected", reason: "no" });

  await setup.append(...ids(8));
  await setup.clock.advance(1_000);

  const { balance } = setup.route.status;
  expect(balance.deadLettered).toBeGreaterThan(0);
  expect(balance.dropped).toEqual({ deadletters_full: 8 - balance.deadLettered });
  expect(textOf(setup.disk, "/deadletters/hooks.jsonl").length).toBeLessThanOrEqual(700);
  await setup.route.close();
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
