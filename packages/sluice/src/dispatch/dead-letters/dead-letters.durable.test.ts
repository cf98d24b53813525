import { faultyDisk, ManualClock, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { PendingEvent } from "../delivery/pending-event.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { PLACE, record, textOf } from "../route.test-support.ts";
import { openDeadLetters } from "./dead-letters.ts";

const path = "/d/hooks.jsonl";
const open = (disk: MemoryDisk) =>
  openDeadLetters({ disk, clock: new ManualClock(), directory: "/d", sink: "hooks", place: PLACE, low: 0 });

/** A dead letter that a process wrote just before it died. */
async function written(): Promise<{ disk: MemoryDisk; line: Buffer }> {
  const disk = new MemoryDisk();
  const spool = new MemorySpool();
  await spool.append([record("a")]);
  const items = [...spool.records.values()].map((each) => new PendingEvent(each, 0, 0));
  await (await open(disk)).append([{ items, dead: 1, reason: "rejected", words: "no" }]);
  const line = Buffer.from(disk.bytesOf(path));
  disk.put(path, new Uint8Array(0));
  return { disk, line };
}

test.each(["not synced yet", "written off by a failed sync"])(
  "a letter that was %s when its process died survives the power, once its event is settled (P2)",
  async (state) => {
    const { disk, line } = await written();
    const left = await disk.open(path, "write");
    left.write(line, 0);
    if (state !== "not synced yet") disk.loseChanges(left);

    const letters = await open(disk);
    disk.crash();

    expect(letters.countFor(0)).toBe(1);
    expect(textOf(disk, path)).toBe(line.toString());
  },
);

test("a letter of which the power cut kept only some sectors is none, and its event is tried again (P2)", async () => {
  const { disk, line } = await written();
  const torn = Buffer.from(line);
  torn.fill("x", line.indexOf('"event"'), line.length - 2);
  disk.put(path, torn);

  const letters = await open(disk);

  expect(letters.countFor(0)).toBeUndefined();
});

test("a letter that could not be synced is taken back at once: its event may yet be delivered (P2)", async () => {
  const disk = new MemoryDisk();
  let isFailing = false;
  const letters = await openDeadLetters({
    disk: faultyDisk(disk, ({ operation }) =>
      isFailing && operation === "sync" ? { code: "EIO" } : undefined,
    ),
    ...{ clock: new ManualClock(), directory: "/d", sink: "hooks", place: PLACE, low: 0 },
  });
  const spool = new MemorySpool();
  await spool.append([record("a")]);
  const items = [...spool.records.values()].map((each) => new PendingEvent(each, 0, 0));

  isFailing = true;
  const outcome = await letters.append([{ items, dead: 1, reason: "rejected", words: "no" }]);
  isFailing = false;

  expect([outcome, textOf(disk, path)]).toEqual(["failed", ""]);
});

test("who has closed the letters changes nothing in them: another may have opened them since (P11)", async () => {
  const { disk, line } = await written();
  disk.put(path, line);
  const letters = await open(disk);
  await letters.close();
  await open(disk);

  await expect(letters.rewrite(() => Buffer.alloc(0))).rejects.toThrow("no sink");

  expect(textOf(disk, path)).toBe(line.toString());
});

test("a letter that comes after a rewriting whose directory was not synced lies in the file of that name (P2)", async () => {
  const { disk, line } = await written();
  disk.put(path, line);
  let isFailing = false;
  const letters = await openDeadLetters({
    disk: faultyDisk(disk, ({ operation, path: at }) =>
      isFailing && operation === "sync" && at === "/d" ? { code: "EIO" } : undefined,
    ),
    ...{ clock: new ManualClock(), directory: "/d", sink: "hooks", place: PLACE, low: 0 },
  });
  const spool = new MemorySpool();
  await spool.append([record("a"), record("b")]);
  const items = [...spool.records.values()].slice(1).map((each) => new PendingEvent(each, 0, 0));

  isFailing = true;
  await expect(letters.rewrite((each) => each)).rejects.toThrow("EIO");
  isFailing = false;
  expect(await letters.append([{ items, dead: 1, reason: "rejected", words: "no" }])).toBe("written");

  expect(textOf(disk, path).split("\n")).toHaveLength(3);
  disk.crash();
  expect(textOf(disk, path).split("\n")).toHaveLength(3);
});
