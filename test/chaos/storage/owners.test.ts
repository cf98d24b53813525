import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeOwner } from "../../../packages/sluice/src/spool/file/owner.ts";
import { House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { missingTools } from "../tools.ts";

let house: House;
let dataDir: string;
let foreign: ChildProcess | undefined;
beforeEach(() => {
  house = new House();
  house.configure("");
  dataDir = mkdtempSync(join(tmpdir(), "sluice-owners-"));
});
afterEach(async () => {
  foreign?.kill();
  foreign = undefined;
  await house.close();
  rmSync(dataDir, { recursive: true });
});

const take = () => takeOwner({ dataDir, disk: systemDisk, clock: systemClock, version: "1.2.3" });

test("a second start is refused within a second, also while the owner is stopped, and the owner goes on (P9, T18)", async () => {
  await house.start();
  const { pid } = JSON.parse(readFileSync(join(house.dataDir, "owner.json"), "utf8"));
  const idle = await timed("--version");

  const beside = await timed("start", "--listen", "127.0.0.1:0");
  process.kill(pid, "SIGSTOP");
  const whileStopped = await timed("start", "--listen", "127.0.0.1:0");
  process.kill(pid, "SIGCONT");

  for (const second of [beside, whileStopped]) {
    expect(second.exit).toBe(75);
    expect(second.stderr).toContain(`process ${pid} on`);
    // What it takes beyond starting a process at all. At the smallest size other tests run beside this one.
    expect(second.durationMs - idle.durationMs).toBeLessThan(
      scaled({ test: 5_000, chaos: 1_000, soak: 1_000 }),
    );
  }
  expect(await post()).toBe(202);
  expect((await house.stop()).exit).toBe(0);
  const slowest = Math.max(beside.durationMs, whileStopped.durationMs) - idle.durationMs;
  figure(
    "P9",
    "a second start beside a running or stopped owner, until it is refused",
    `${Math.round(slowest)} ms`,
    "< 1 s",
  );
}, 180_000);

test("an owner.json with the pid of somebody else keeps nobody out, and that process is left alone (P9, T18)", async () => {
  foreign = spawn("sleep", ["600"], { stdio: "ignore" });
  mkdirSync(house.dataDir, { recursive: true });
  const note = { pid: foreign.pid, host: "here", startedAt: "2026-01-01T00:00:00.000Z", version: "0" };
  writeFileSync(join(house.dataDir, "owner.json"), JSON.stringify(note));
  writeFileSync(join(house.dataDir, "owner.json.new"), "half of");

  await house.start();
  expect(await post()).toBe(202);
  expect((await house.stop()).exit).toBe(0);

  expect([foreign.exitCode, foreign.signalCode]).toEqual([null, null]);
  expect(() => process.kill(foreign?.pid ?? 0, 0)).not.toThrow();
}, 180_000);

test("whatever came to stand in the lock's file, the next start takes the directory (P9, T10, T18)", async () => {
  const lock = join(dataDir, "owner.db");
  const contents = [
    Buffer.alloc(1),
    Buffer.from("no database, and longer than the header of one would be. ".repeat(4)),
    Buffer.from("SQLite format 3\0 and then nothing that SQLite would write".padEnd(4_096, "?")),
    Buffer.alloc(8_192, 0xff),
  ];

  for (const content of contents) {
    writeFileSync(lock, content);
    writeFileSync(`${lock}-journal`, content);
    const owner = await take();
    await expect(take(), `after ${content.length} bytes`).rejects.toMatchObject({ code: "DATA_DIR_BUSY" });
    // Damage under a living owner does not let a second one in either.
    writeFileSync(lock, content);
    await owner.release();
  }
  const owner = await take();
  await owner.release();
  expect(statSync(lock).size).toBe(0);
  figure("P9", "owner.db full of something else: starts that were kept out", 0, "0");
});

const missing = missingTools("linux", "mkfifo");
test.skipIf(missing)(
  `a link, a pipe or a directory in the place of the lock is refused and left alone (P9, T16)${missing}`,
  async () => {
    const lock = join(dataDir, "owner.db");
    const outside = join(dataDir, "outside");
    writeFileSync(outside, "not ours");

    const plant: readonly (() => void)[] = [
      () => symlinkSync(outside, lock),
      () => void execFileSync("mkfifo", [lock]),
      () => void mkdirSync(lock),
    ];
    for (const make of plant) {
      make();
      await expect(take()).rejects.toMatchObject({ code: "DATA_DIR_UNUSABLE", exit: 77 });
      rmSync(lock, { recursive: true });
    }

    expect(readFileSync(outside, "utf8")).toBe("not ours");
    await (await take()).release();
  },
);

async function timed(...words: readonly string[]) {
  const startMs = performance.now();
  const result = await house.run(...words);
  return { ...result, durationMs: performance.now() - startMs };
}

async function post(): Promise<number> {
  const { status } = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ kind: "note.taken", data: {} }),
  });
  return status;
}
