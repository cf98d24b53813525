import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemDisk } from "../system/disk.ts";
import { faultyDisk } from "../system/faulty-disk.ts";
import { ManualClock } from "../system/manual-clock.ts";
import type { Emitter } from "./emitter.ts";
import { createFileEmitter, type FileOptions } from "./file.ts";

const time = "2026-11-21T05:00:00.000Z";
let directory: string;
let clock: ManualClock;
let opened: Emitter[];
let drops: [number, string][];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-file-emitter-"));
  clock = new ManualClock(Date.UTC(2026, 10, 21));
  opened = [];
  drops = [];
});

afterEach(async () => {
  await Promise.all(opened.map((emitter) => emitter.close()));
  rmSync(directory, { recursive: true });
});

const pathOf = (name = "events.jsonl") => join(directory, name);
const idsOf = (name?: string) =>
  readFileSync(pathOf(name), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line).id);

function openEmitter(options: Partial<FileOptions> = {}): Emitter {
  const emitter = createFileEmitter({
    path: pathOf(),
    clock,
    onDrop: (count, reason) => drops.push([count, reason]),
    ...options,
  });
  opened.push(emitter);
  return emitter;
}

/** The system's disk, which refuses to write while `isFull`. */
function fullDisk() {
  const state = { isFull: true };
  const disk = faultyDisk(systemDisk, ({ operation }) =>
    state.isFull && operation === "write" ? { code: "ENOSPC" } : undefined,
  );
  return { state, disk };
}

test("every event is a line, in a file and a directory that were not there", async () => {
  const emitter = openEmitter({ path: pathOf("a/b/events.jsonl") });

  emitter.emit({ id: "e-1", kind: "k", time, data: 1n as unknown as number });
  emitter.emit({ id: "e-2", kind: "k", time });
  await emitter.flush();

  expect(readFileSync(pathOf("a/b/events.jsonl"), "utf8")).toBe(
    `{"id":"e-1","kind":"k","time":"${time}","data":"[BigInt: 1]"}\n{"id":"e-2","kind":"k","time":"${time}"}\n`,
  );
  expect(drops).toEqual([]);
});

test("the bracketed log has its entries, and what has no form there is told by its count", async () => {
  const emitter = openEmitter({ format: "bracketed", path: pathOf("events.log") });

  emitter.emit({ kind: "order.placed", time });
  emitter.emit({ kind: "init.started", time, data: { provider: "openai", model_id: "gpt-4o" } });
  emitter.emit({ kind: "cache.hit", time });
  // Its end says all of it again: nothing is lost.
  emitter.emit({ kind: "run.started", time, runId: "r", run: { type: "llm", startTime: time } });
  await emitter.close();

  expect(readFileSync(pathOf("events.log"), "utf8")).toMatch(
    /^\[2026-11-21 05:00:00\] \[EVENT: INIT_START\]\n\{/,
  );
  expect(drops).toEqual([[2, "no_form"]]);
});

test("a full disk loses nothing that fits the buffer, and what comes after is in order", async () => {
  const { state, disk } = fullDisk();
  const emitter = openEmitter({ disk });

  emitter.emit({ id: "e-1", kind: "k", time });
  await emitter.flush();
  emitter.emit({ id: "e-2", kind: "k", time });
  state.isFull = false;
  await clock.advance(1_000);
  await emitter.flush();

  expect(idsOf()).toEqual(["e-1", "e-2"]);
  expect(drops).toEqual([]);
});

test("under overflow and a disk that stays full the count of drops is exact (T73)", async () => {
  const { state, disk } = fullDisk();
  const emitter = openEmitter({ disk, bufferBytes: 2_000 });
  const emitMany = (from: number) => {
    for (let n = from; n < from + 50; n++)
      emitter.emit({ id: `e-${n}`, kind: "k", time, data: "x".repeat(100) });
  };

  emitMany(0);
  await emitter.flush();
  emitMany(50);
  state.isFull = false;
  await emitter.flush();
  state.isFull = true;
  emitMany(100);
  await emitter.close();
  emitMany(150);

  const dropped = drops.reduce((sum, [count]) => sum + count, 0);
  expect(idsOf().length + dropped).toBe(200);
  expect(new Set(drops.map(([, reason]) => reason))).toEqual(
    new Set(["buffer_full", "write_failed", "closed"]),
  );
  expect(idsOf()).toEqual(idsOf().toSorted((a, b) => Number(a.slice(2)) - Number(b.slice(2))));
});

test("emitters of one path share a writer, also through a link, and the last one closes it", async () => {
  mkdirSync(pathOf("real"));
  symlinkSync(pathOf("real"), pathOf("link"));
  const emitters = ["real", "link", "real/../link"].map((name) =>
    openEmitter({ path: `${directory}/${name}/events.jsonl` }),
  );

  for (let round = 0; round < 40; round++) {
    emitters.forEach((emitter, index) => {
      emitter.emit({ id: `${index}-${round}`, kind: "k", time, data: "x".repeat(2_000) });
    });
    if (round % 7 === 0) await Promise.all(emitters.map((emitter) => emitter.flush()));
  }
  await emitters[0]?.close();
  emitters[1]?.emit({ id: "last", kind: "k", time });
  await Promise.all(emitters.map((emitter) => emitter.close()));

  expect(idsOf("real/events.jsonl").toSorted()).toEqual(
    [
      ...[0, 1, 2].flatMap((index) => Array.from({ length: 40 }, (_, round) => `${index}-${round}`)),
      "last",
    ].sort(),
  );
  expect(drops).toEqual([]);
});

test("an emitter that wants a shared file otherwise is refused, by count", async () => {
  const first = openEmitter();
  const second = openEmitter({ format: "bracketed" });

  first.emit({ id: "e-1", kind: "k", time });
  await first.flush();
  second.emit({ kind: "init.started", time });
  await second.flush();

  expect(drops).toEqual([[1, "refused"]]);
  expect(idsOf()).toEqual(["e-1"]);
});

test("a file that was renamed away is left alone, and rotation is the log file's own", async () => {
  const emitter = openEmitter({ rotation: { maxBytes: 150, keep: 1 } });

  emitter.emit({ id: "e-1", kind: "k", time });
  await emitter.flush();
  renameSync(pathOf(), pathOf("moved.jsonl"));
  for (const id of ["e-2", "e-3", "e-4", "e-5", "e-6", "e-7"]) emitter.emit({ id, kind: "k", time });
  await emitter.flush();

  expect(idsOf("moved.jsonl")).toEqual(["e-1"]);
  expect(idsOf()).toEqual(["e-6", "e-7"]);
  expect(readdirSync(directory)).toHaveLength(3);
});

const MODULE = JSON.stringify(join(import.meta.dirname, "file.ts"));

/** What it printed. Its exit code is its own affair. */
function runApplication(script: string, path = pathOf()): string {
  const head = `import { createFileEmitter } from ${MODULE};
    const emitter = createFileEmitter({
      path: ${JSON.stringify(path)},
      onDrop: (count, reason) => console.log(count, reason),
    });`;
  return spawnSync(process.execPath, [
    "--input-type=module",
    "--eval",
    `${head}\n${script}`,
  ]).stdout.toString();
}

test("an application that just ends has all its events in the file (T71)", () => {
  runApplication('for (let n = 0; n < 5_000; n++) emitter.emit({ id: "e-" + n, kind: "k" });');

  expect(idsOf()).toHaveLength(5_000);
});

test("an application that flushes and exits has them too, and is not kept alive (T71)", () => {
  runApplication('emitter.emit({ id: "e-1", kind: "k" }); await emitter.flush(); process.exit(0);');
  runApplication('setTimeout(() => emitter.emit({ id: "e-2", kind: "k" }), 10);');

  expect(idsOf()).toEqual(["e-1", "e-2"]);
});

test.each([
  ["process.exit", "process.exit(1);"],
  ["an uncaught exception", 'setImmediate(() => { throw new Error("bug"); });'],
])("an application that ends by %s keeps what it flushed, and half a line of nothing (T71)", (_end, end) => {
  runApplication(`
    for (let n = 0; n < 1_000; n++) emitter.emit({ id: "e-" + n, kind: "k" });
    await emitter.flush();
    for (let n = 1_000; n < 2_000; n++) emitter.emit({ id: "e-" + n, kind: "k" });
    ${end}`);

  // What came in the last 100 ms is lost, as the emitter says: it is there from the first on, or not at all.
  const ids = idsOf();
  expect(ids.length).toBeGreaterThanOrEqual(1_000);
  expect(ids).toEqual(Array.from(ids, (_, index) => `e-${index}`));
});

test("an application that ends while its file refuses a large batch is told what it lost", () => {
  writeFileSync(pathOf("file"), "");

  const printed = runApplication(
    'for (let n = 0; n < 3; n++) emitter.emit({ kind: "k", data: "x".repeat(70_000) });',
    join(pathOf("file"), "events.jsonl"),
  );

  expect(printed).toBe("1 write_failed\n2 write_failed\n");
});
