import { type DiskFile, MemoryDisk } from "@sluice/sdk/internal";
import type { Recording } from "./crash-states.ts";
import { type Knowledge, learn, newKnowledge } from "./crash-states-knowledge.ts";

/**
 * The files as a kill before the call `before` leaves them: the page cache is there, and a power cut later on
 * may still take what was not durable.
 */
export async function afterKill(
  { calls, root, rootInode }: Recording,
  before: number,
): Promise<{ readonly disk: MemoryDisk; readonly known: Knowledge }> {
  const disk = new MemoryDisk();
  const known = newKnowledge();
  await disk.makeDirectory(root);
  const open = new Map<bigint, DiskFile>([[rootInode, await disk.open(root, "read")]]);
  for (const call of calls.slice(0, before)) {
    switch (call.kind) {
      case "create":
        open.set(call.inode, await disk.open(call.path, "create"));
        break;
      case "makeDirectory":
        await disk.makeDirectory(call.path);
        open.set(call.inode, await disk.open(call.path, "read"));
        break;
      case "write":
        open.get(call.inode)?.write(call.bytes, call.position);
        break;
      case "truncate":
        await open.get(call.inode)?.truncate(call.sizeBytes);
        break;
      case "rename":
        await disk.rename(call.path, call.to);
        break;
      case "remove":
        await disk.remove(call.path);
        break;
      case "syncEnd":
        await open.get(call.inode)?.sync();
        break;
      case "mark":
        learn(known, call.text);
        break;
      case "syncBegin":
        break;
    }
  }
  return { disk, known };
}
