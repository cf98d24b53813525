import { MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { openRoutes, readRoutes } from "./route-registry.ts";
import { openTwoSlots } from "./two-slots.ts";

const file = { name: "file", type: "file", destination: "/data/events.jsonl" };
const hooks = { name: "hooks", type: "webhook", destination: "https://a.example/in" };
let seed = 1;
const open = (disk: MemoryDisk, nextOffset = 0, firstOffset = 0) =>
  openRoutes({
    disk,
    random: seededRandom(seed++),
    dataDir: "/data",
    offsets: () => ({ firstOffset, nextOffset }),
  });

test("a sink starts at the oldest in a new data directory, else at now, or where it is told to", async () => {
  const disk = new MemoryDisk();

  const first = await (await open(disk, 7)).register(file);
  const routes = await open(disk, 500, 100);
  const later = await routes.register(hooks);
  const told = await routes.register({ ...hooks, name: "old" }, "oldest");

  expect([first.firstOffset, later.firstOffset, told.firstOffset]).toEqual([0, 500, 100]);
});

test("a sink keeps its first offset and its place over restarts, whatever the spool does", async () => {
  const disk = new MemoryDisk();
  const entry = await (await open(disk)).register(file);

  const routes = await open(disk, 900, 800);

  expect(await routes.register(file)).toEqual(entry);
  expect(routes.list()).toEqual([{ ...entry, isDetached: false }]);
});

test("an entry is durable when register resolves", async () => {
  const disk = new MemoryDisk();
  const entry = await (await open(disk)).register(file);

  disk.crash();

  expect((await open(disk, 50)).list()).toEqual([{ ...entry, isDetached: true }]);
});

test("another destination under one name is refused unless it is told where to start", async () => {
  const disk = new MemoryDisk();
  const entry = await (await open(disk)).register(hooks);
  const moved = { ...hooks, destination: "https://b.example/in" };
  const routes = await open(disk, 40);

  await expect(routes.register(moved)).rejects.toMatchObject({ code: "ROUTE_OTHER_DESTINATION", exit: 78 });

  const anew = await routes.register(moved, "now");
  expect(anew.firstOffset).toBe(40);
  expect(anew.place).not.toBe(entry.place);
});

test("a sink that left the configuration stays listed as detached and returns to its place", async () => {
  const disk = new MemoryDisk();
  const routes = await open(disk);
  const entry = await routes.register(hooks);
  await routes.register(file);

  const without = await open(disk, 10);
  await without.register(file);
  expect(without.list().map(({ name, isDetached }) => [name, isDetached])).toEqual([
    ["hooks", true],
    ["file", false],
  ]);

  expect(await (await open(disk, 99)).register(hooks)).toEqual(entry);
});

test("no key and no destination stands in the file", async () => {
  const disk = new MemoryDisk();

  await (await open(disk)).register({ ...hooks, destination: "https://user:secret@a.example" });

  expect(Buffer.from(disk.bytesOf("/data/routes.json")).toString("latin1")).not.toMatch(/secret|a\.example/);
});

test("whichever byte is flipped, the file gives the newest content, and is whole again after it was opened (P9, T10)", async () => {
  const disk = new MemoryDisk();
  const routes = await open(disk);
  await routes.register(file);
  const { dataDirId } = routes;
  await routes.register(hooks);
  const whole = Buffer.from(disk.bytesOf("/data/routes.json"));
  const used = [...whole.keys()].filter((index) => whole[index] !== 0 || index < 40);

  for (const index of used) {
    const damaged = Buffer.from(whole);
    damaged[index] = (damaged[index] ?? 0) ^ 0x10;
    disk.put("/data/routes.json", damaged);
    const names = (await open(disk)).list().map(({ name }) => name);
    expect(names, `byte ${index}`).toEqual(["file", "hooks"]);
    const damagedAgain = Buffer.from(disk.bytesOf("/data/routes.json"));
    damagedAgain[index < 65_536 ? 65_536 + 30 : 30] = 0xff;
    disk.put("/data/routes.json", damagedAgain);
    expect((await open(disk)).list(), `then the other slot`).toHaveLength(2);
  }
  disk.put("/data/routes.json", whole);
  expect((await open(disk)).dataDirId).toBe(dataDirId);
});

test("what a killed process left in the page cache is durable when routes.json is opened again (P1, P9)", async () => {
  const disk = new MemoryDisk();
  await open(disk);
  const whole = disk.bytesOf("/data/routes.json");
  const killed = new MemoryDisk();
  await killed.makeDirectory("/data");
  const handle = await killed.open("/data/routes.json", "create");
  handle.write(whole, 0);

  const entry = await (await open(killed)).register(file);
  killed.crash();

  expect((await open(killed)).list()).toEqual([{ ...entry, isDetached: true }]);
});

test("an entry that a killed process has not synced is durable once it is given out again (P9)", async () => {
  const disk = new MemoryDisk();
  const routes = await open(disk);
  await routes.register(hooks);
  const before = disk.copy();
  const entry = await routes.register(file);
  const handle = await before.open("/data/routes.json", "write");
  handle.write(disk.bytesOf("/data/routes.json"), 0);

  const given = await (await open(before, 9)).register(file);
  before.crash();

  expect(given).toEqual(entry);
  expect(await (await open(before, 9)).register(file)).toEqual(entry);
});

test("routes of a later version are refused, and not one byte of them is changed (P15)", async () => {
  const disk = new MemoryDisk();
  const slots = await openTwoSlots(disk, "/data/routes.json", 64 * 1024);
  await slots.write(Buffer.from('{"version":2,"routes":"elsewhere"}'));
  const before = Buffer.from(disk.bytesOf("/data/routes.json"));

  await expect(open(disk)).rejects.toMatchObject({ code: "SPOOL_TOO_NEW", exit: 78 });
  await expect(readRoutes(disk, "/data")).rejects.toMatchObject({ code: "SPOOL_TOO_NEW" });

  expect(before.equals(disk.bytesOf("/data/routes.json"))).toBe(true);
});
