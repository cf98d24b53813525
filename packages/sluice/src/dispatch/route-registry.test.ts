import { MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { openRoutes } from "./route-registry.ts";

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

test("whichever byte is flipped, the file gives the newest whole content or the one before", async () => {
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
    expect(names.length).toBeGreaterThanOrEqual(1);
    expect(names).toContain("file");
  }
  disk.put("/data/routes.json", whole);
  expect((await open(disk)).dataDirId).toBe(dataDirId);
});
