import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Disk, faultyDisk, systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { openPipeline } from "./pipeline.ts";
import { fileSink } from "./sinks/file/sink.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function open(dataDir: string, disk: Disk) {
  const params = fileSink.options.parse({});
  return openPipeline({
    dataDir,
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 0 },
    sinks: [{ name: "file", type: "file", enabled: true, params }],
    observer: { onAttempt: () => {}, onState: () => {}, onInFlight: () => {}, warn: () => {} },
    clock: systemClock,
    disk,
    random: systemRandom,
  });
}

test("a part that cannot be closed is told, and the data directory is free all the same", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-pipeline-"));
  directories.push(dataDir);
  const sick = faultyDisk(systemDisk, ({ operation, path }) =>
    operation === "close" && path.includes("deadletters/") ? { code: "EIO" } : undefined,
  );
  const pipeline = await open(dataDir, sick);

  await expect(pipeline.close()).rejects.toMatchObject({ code: "EIO" });

  const next = await open(dataDir, systemDisk);
  await next.close();
});
