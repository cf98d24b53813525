import { type DiskCall, type Fault, faultyDisk, MemoryDisk, syncDirectory } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { openTwoSlots, readTwoSlots } from "./two-slots.ts";

const PATH = "/data/file";
const SLOT_BYTES = 4096;

async function aDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/data");
  return disk;
}

async function contentOf(disk: MemoryDisk): Promise<string> {
  return Buffer.from((await readTwoSlots(disk, PATH, SLOT_BYTES)) ?? []).toString();
}

test("the newest content is read back", async () => {
  const disk = await aDisk();
  const slots = await openTwoSlots(disk, PATH, SLOT_BYTES);

  for (let value = 0; value < 5; value++) {
    await slots.write(Buffer.from(`value ${value}`));
    expect(await contentOf(disk)).toBe(`value ${value}`);
  }
});

test("a short write leaves the content before it, whatever is left of it (P6, T41)", async () => {
  const memory = await aDisk();
  let shortBytes: number | undefined;
  const disk = faultyDisk(memory, ({ operation }) =>
    operation === "write" && shortBytes !== undefined ? { shortBytes } : undefined,
  );
  const slots = await openTwoSlots(disk, PATH, SLOT_BYTES);
  let content = "a first content";
  await slots.write(Buffer.from(content));

  for (let residue = 0; residue < content.length + 20; residue++) {
    shortBytes = residue;
    await expect(slots.write(Buffer.from(content))).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await contentOf(memory)).toBe(content);
    shortBytes = undefined;

    content = `content number ${residue}`;
    await slots.write(Buffer.from(content));
    expect(await contentOf(memory)).toBe(content);
  }
});

test("after a failed sync the content goes to a new file, which lasts (P7)", async () => {
  const memory = await aDisk();
  const calls: DiskCall[] = [];
  let fault: Fault | undefined;
  const disk = faultyDisk(memory, (call) => {
    calls.push(call);
    return call.operation === "sync" ? fault : undefined;
  });
  const slots = await openTwoSlots(disk, PATH, SLOT_BYTES);
  await slots.write(Buffer.from("one"));
  fault = { code: "EIO" };
  await expect(slots.write(Buffer.from("two"))).rejects.toMatchObject({ code: "EIO" });
  const spoiled = calls.at(-2)?.file;
  await expect(slots.write(Buffer.from("two"))).rejects.toMatchObject({ code: "EIO" });
  fault = undefined;
  calls.length = 0;

  await slots.write(Buffer.from("three"));
  await slots.write(Buffer.from("four"));

  expect(calls.filter(({ file }) => file === spoiled)).toEqual([]);
  memory.crash();
  expect(await contentOf(memory)).toBe("four");
});

test("what an open has found survives a power cut, whether it was synced before or not (P7)", async () => {
  const memory = await aDisk();
  const disk = faultyDisk(memory, ({ operation, path }) =>
    // Where it lies it can never be synced.
    operation === "sync" && path === PATH ? { code: "EIO" } : undefined,
  );
  const first = await openTwoSlots(disk, PATH, SLOT_BYTES);
  await syncDirectory(disk, "/data");
  await expect(first.write(Buffer.from("one"))).rejects.toMatchObject({ code: "EIO" });

  const second = await openTwoSlots(disk, PATH, SLOT_BYTES);
  expect(Buffer.from(second.content ?? []).toString()).toBe("one");

  memory.crash();
  expect(await contentOf(memory)).toBe("one");
});
