import { expect, test } from "vitest";
import type { OpenMode } from "./disk.ts";
import { faultyDisk } from "./faulty-disk.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { oneSyncAtATime } from "./one-sync-disk.ts";

test("syncs run one at a time, in order, and a failed one lets the next go", async () => {
  const running: string[] = [];
  let runningMax = 0;
  const memory = new MemoryDisk();
  const slow = {
    ...faultyDisk(memory, () => undefined),
    async open(path: string, mode: OpenMode) {
      const file = await memory.open(path, mode);
      const sync = async () => {
        running.push(path);
        runningMax = Math.max(runningMax, running.length - done.length);
        await new Promise((resolve) => setImmediate(resolve));
        done.push(path);
        if (path === "/b") throw new Error("broken");
      };
      return { ...file, sync };
    },
  };
  const done: string[] = [];
  const disk = oneSyncAtATime(slow);
  const files = await Promise.all(["/a", "/b", "/c"].map((path) => disk.open(path, "write")));

  const results = await Promise.allSettled(files.map((file) => file.sync()));

  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(done).toEqual(["/a", "/b", "/c"]);
  expect(runningMax).toBe(1);
});
