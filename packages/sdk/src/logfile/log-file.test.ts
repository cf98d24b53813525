import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeOf, type Disk, type DiskFile, type OpenMode, systemDisk } from "../system/disk.ts";
import { ManualClock } from "../system/manual-clock.ts";
import { bracketedFormat } from "./bracketed.ts";
import { jsonlFormat } from "./jsonl.ts";
import { createLogFile, type LogFile, type LogFileOptions } from "./log-file.ts";

let directory: string;
let opened: LogFile[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-logfile-"));
  opened = [];
});

afterEach(async () => {
  await Promise.all(opened.map((each) => each.close()));
  rmSync(directory, { recursive: true });
});

const pathOf = (name = "events.jsonl") => join(directory, name);
const bytes = (...lines: string[]) => lines.map((line) => Buffer.from(line));
const text = (name?: string) => readFileSync(pathOf(name), "utf8");

function openFile(options: Partial<LogFileOptions> = {}): LogFile {
  const file = createLogFile({
    path: pathOf(),
    format: jsonlFormat,
    disk: systemDisk,
    clock: new ManualClock(),
    ...options,
  });
  opened.push(file);
  return file;
}

/**
 * A volume with so many bytes left: a write takes what fits and says so, the next one fails, as Linux and
 * Node do it.
 */
function smallDisk(roomBytes: number): Disk & { roomBytes: number; syncs: number; failSync: boolean } {
  const disk = {
    ...systemDisk,
    roomBytes,
    syncs: 0,
    failSync: false,
    async open(path: string, mode: OpenMode): Promise<DiskFile> {
      const file = await systemDisk.open(path, mode);
      return {
        write(given, position) {
          if (disk.roomBytes === 0) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
          const taken = file.write(given.subarray(0, disk.roomBytes), position);
          disk.roomBytes -= taken;
          return taken;
        },
        async sync() {
          if (disk.failSync) throw Object.assign(new Error("bad sector"), { code: "EIO" });
          disk.syncs++;
          await file.sync();
        },
        read: (into, position) => file.read(into, position),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        stat: () => file.stat(),
        close: () => file.close(),
      };
    },
  };
  return disk;
}

test("entries of calls that overlap stand whole and in the order of the calls", async () => {
  const file = openFile();

  const results = await Promise.all([
    file.append(bytes('{"a":1}', '{"a":2}')),
    file.append(bytes('{"a":3}')),
  ]);

  expect(results).toEqual([{ kept: 2 }, { kept: 1 }]);
  expect(text()).toBe('{"a":1}\n{"a":2}\n{"a":3}\n');
  expect(statSync(pathOf()).mode & 0o777).toBe(0o600);
});

test("an entry is synced before it counts as kept", async () => {
  const disk = smallDisk(1_000);
  const file = openFile({ disk });
  await file.open();
  const before = disk.syncs;

  await file.append(bytes("{}"));

  expect(disk.syncs).toBe(before + 1);
});

test("a full disk leaves the file at its last whole entry, and the next append goes on from there", async () => {
  const disk = smallDisk(20);
  const file = openFile({ disk });
  await file.append(bytes('{"a":1}'));

  const failed = await file.append(bytes('{"b":"too long to fit"}'));
  expect(text()).toBe('{"a":1}\n');
  disk.roomBytes = 1_000;
  const retried = await file.append(bytes('{"b":2}'));

  expect([failed.kept, codeOf(failed.error)]).toEqual([0, "ENOSPC"]);
  expect(retried).toEqual({ kept: 1 });
  expect(text()).toBe('{"a":1}\n{"b":2}\n');
});

test("a sync that fails takes back what it did not make safe", async () => {
  const disk = smallDisk(1_000);
  const file = openFile({ disk });
  await file.append(bytes('{"a":1}'));
  disk.failSync = true;

  const failed = await file.append(bytes('{"b":2}'));

  expect([failed.kept, codeOf(failed.error)]).toEqual([0, "EIO"]);
  expect(text()).toBe('{"a":1}\n');
});

test.each([
  ["a torn entry is cut off", '{"a":1}\n{"b":', '{"a":1}\n{"new":1}\n'],
  ["zeros from a crash are cut off", '{"a":1}\n\0\0\0', '{"a":1}\n{"new":1}\n'],
  ["a whole entry without its line feed gets it", '{"a":1}\n{"b":2}', '{"a":1}\n{"b":2}\n{"new":1}\n'],
  ["a tail that is not ours is kept on a line of its own", "notes", 'notes\n{"new":1}\n'],
])("%s before anything is appended", async (_name, before, after) => {
  writeFileSync(pathOf(), before);

  await openFile().append(bytes('{"new":1}'));

  expect(text()).toBe(after);
});

const ENTRY = "[2026-11-21 05:00:00] [EVENT: INIT_START]\n{\n}";

test("a torn entry is found across read windows", async () => {
  writeFileSync(pathOf(), `{"a":1}\n{"b":"${"x".repeat(300_000)}`);

  await openFile().append(bytes('{"new":1}'));

  expect(text()).toBe('{"a":1}\n{"new":1}\n');
});

test.each([
  [`${ENTRY}\n\n${ENTRY.slice(0, -1)}  "x`, `${ENTRY}\n\nnew\n\n`],
  [`${ENTRY}\n\n${ENTRY.slice(0, 9)}`, `${ENTRY}\n\nnew\n\n`],
  [`${ENTRY}\n`, `${ENTRY}\n\nnew\n\n`],
  [ENTRY, `${ENTRY}\n\nnew\n\n`],
  // A list of somebody else's, not an entry that was cut off.
  ["[1, 2, 3]", "[1, 2, 3]\n\nnew\n\n"],
])("a bracketed log is repaired to whole entries (%j)", async (before, after) => {
  writeFileSync(pathOf(), before);

  await openFile({ format: bracketedFormat }).append(bytes("new"));

  expect(text()).toBe(after);
});

test("a file that was renamed or removed is made anew", async () => {
  const file = openFile();
  await file.append(bytes("{}"));
  renameSync(pathOf(), pathOf("events.old"));
  await file.append(bytes('{"a":1}'));
  rmSync(pathOf());
  await file.append(bytes('{"a":2}'));

  expect(text("events.old")).toBe("{}\n");
  expect(text()).toBe('{"a":2}\n');
});

test("a file that somebody emptied goes on from its new end", async () => {
  const file = openFile();
  await file.append(bytes('{"a":1}'));
  writeFileSync(pathOf(), "");

  await file.append(bytes('{"a":2}'));

  expect(text()).toBe('{"a":2}\n');
});

/** A disk whose file is emptied once, after it was looked at and before it is written. */
function emptyingDisk(onEmptied: (file: DiskFile) => void = () => undefined): Disk {
  let emptied = 0;
  let written: DiskFile;
  return {
    ...systemDisk,
    async open(path, mode) {
      const file = await systemDisk.open(path, mode);
      if (mode !== "read") {
        written = file;
        return file;
      }
      const stat = file.stat.bind(file);
      file.stat = async () => {
        const state = await stat();
        if (emptied++ > 0) return state;
        writeFileSync(path, "");
        onEmptied(written);
        return state;
      };
      return file;
    },
  };
}

const linuxTest = test.runIf(process.platform === "linux");

linuxTest("a file that is emptied between the look and the write gets no hole (T43)", async () => {
  const file = openFile({ disk: emptyingDisk() });

  await file.append(bytes('{"a":1}'));
  const results = [await file.append(bytes('{"a":2}')), await file.append(bytes('{"a":3}'))];

  expect(results).toEqual([{ kept: 1 }, { kept: 1 }]);
  expect(text()).toBe('{"a":2}\n{"a":3}\n');
});

linuxTest("nor does it get one where the sync fails after that (T43)", async () => {
  const disk = emptyingDisk((file) => {
    file.sync = () => Promise.reject(new Error("bad sector"));
  });
  const file = openFile({ disk });

  await file.append(bytes('{"a":"long enough"}'));
  const failed = await file.append(bytes('{"a":2}'));

  expect(failed.kept).toBe(0);
  expect(text()).not.toContain("\0");
});

test("no file grows past its size, and only the newest old ones stay", async () => {
  const clock = new ManualClock(Date.UTC(2026, 10, 21, 5, 41, 59, 123));
  const file = openFile({ clock, rotation: { maxBytes: 16, keep: 2 } });

  const result = await file.append(
    bytes('{"a":1}', '{"a":2}', '{"a":3}', '{"a":4}', '{"a":5}', '{"a":6}', '{"a":7}'),
  );

  expect(result).toEqual({ kept: 7 });
  expect(readdirSync(directory)).toEqual([
    "events.20261121T054159.124Z.jsonl",
    "events.20261121T054159.125Z.jsonl",
    "events.jsonl",
  ]);
  expect(text("events.20261121T054159.125Z.jsonl")).toBe('{"a":5}\n{"a":6}\n');
  expect(text()).toBe('{"a":7}\n');
});

test("a new hour opens a new file, a clock set back does not", async () => {
  const clock = new ManualClock(Date.UTC(2030, 0, 1, 10, 59));
  const file = openFile({ clock, rotation: { every: "hour" } });
  await file.append(bytes('{"a":1}'));
  await clock.advance(60_000);
  await file.append(bytes('{"a":2}'));
  clock.jump(-7_200_000);
  await file.append(bytes('{"a":3}'));

  expect(readdirSync(directory)).toEqual(["events.20300101T110000.000Z.jsonl", "events.jsonl"]);
  expect(text()).toBe('{"a":2}\n{"a":3}\n');
});

test("a symbolic link, a pipe or a hard link under the name is refused, and the append does not hang", async () => {
  writeFileSync(pathOf("target"), "precious");
  symlinkSync(pathOf("target"), pathOf("link"));
  execFileSync("sh", ["-c", 'mkfifo "$0"', pathOf("pipe")]);
  linkSync(pathOf("target"), pathOf("hard"));

  const results = [];
  for (const name of ["link", "pipe", "hard"]) {
    results.push(await openFile({ path: pathOf(name) }).append(bytes("{}")));
  }

  expect(results.map((each) => [each.kept, codeOf(each.error)])).toEqual([
    [0, "ELOOP"],
    [0, "EINVAL"],
    [0, "EINVAL"],
  ]);
  expect(text("target")).toBe("precious");
});
