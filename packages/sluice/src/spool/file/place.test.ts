import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aRecord, openTestSpool, readAll, statusesOf } from "../../testing/spool-fixture.ts";
import type { FileSpool } from "./spool.ts";

const LOOK_MS = 2_000;

let root: string;
let dataDir: string;
let clock: ManualClock;
let spool: FileSpool;
let number = 0;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "sluice-place-"));
  dataDir = join(root, "data");
  clock = new ManualClock();
  spool = await openTestSpool(systemDisk, { dataDir, clock });
});
afterEach(async () => {
  await spool.close().catch(() => undefined);
  rmSync(root, { recursive: true, force: true });
});

const append = async () => statusesOf(await spool.append([aRecord(number++)]))[0];
/** A real disk answers in its own time: nothing may wait for it while the clock jumps, or it seems to hang. */
const looked = async (isRefusing: boolean) => {
  await spool.resting();
  await clock.advance(LOOK_MS);
  await expect.poll(() => spool.state.refusing !== undefined).toBe(isRefusing);
};

test("a data directory that is moved away is refused, said, and taken up again when it is back (P6, T42)", async () => {
  expect(await append()).toBe("appended");
  renameSync(dataDir, `${dataDir}.away`);
  await looked(true);

  expect(await append()).not.toBe("appended");
  expect(spool.state.refusing).toMatch(/was moved, removed or replaced while it was in use: put it back/);

  renameSync(`${dataDir}.away`, dataDir);
  await looked(false);
  expect(await append()).toBe("appended");
  expect(await readAll(spool)).toHaveLength(2);
});

test("nothing is written into a directory that somebody put in its place", async () => {
  expect(await append()).toBe("appended");
  renameSync(dataDir, `${dataDir}.away`);
  mkdirSync(join(dataDir, "spool"), { recursive: true });
  await looked(true);

  for (let count = 0; count < 5; count++) expect(await append()).not.toBe("appended");

  expect(await systemDisk.list(join(dataDir, "spool"))).toEqual([]);
});

test.each(["removed", "replaced"])(
  "an active segment that was %s is not written to any more",
  async (how) => {
    expect(await append()).toBe("appended");
    const [segment = ""] = (await systemDisk.list(join(dataDir, "spool"))).filter((name) =>
      name.endsWith(".seg"),
    );
    const path = join(dataDir, "spool", segment);
    rmSync(path);
    if (how === "replaced") writeFileSync(path, "somebody else's");
    await looked(true);

    expect(await append()).not.toBe("appended");
    expect(spool.state.refusing).toContain(path);
  },
);
