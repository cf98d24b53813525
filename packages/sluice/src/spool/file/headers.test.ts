import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Disk, systemDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readHeaders } from "./headers.ts";
import { encodeSegmentHeader, segmentName } from "./segment.ts";

let directory: string;
let opened: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-headers-"));
  opened = [];
  for (const number of [1, 2, 3]) put(number, number * 10);
  // The system's clock for files goes in steps of some milliseconds.
  utimesSync(directory, 1, 1);
});
afterEach(() => rmSync(directory, { recursive: true }));

test("while the directory stays as it is, no segment is read a second time", async () => {
  const before = await readHeaders(watched(), directory);
  opened = [];

  const again = await readHeaders(watched(), directory, before);

  expect(again).toBe(before);
  expect(opened).toEqual([]);
});

test.each([
  ["came", () => put(4, 40), [10, 20, 30, 40]],
  ["went", () => rmSync(pathOf(2)), [10, 30]],
  ["was replaced under its name", () => put(2, 25), [10, 25, 30]],
] as const)("a segment that %s since the last look is told as it is now", async (_what, change, expected) => {
  const before = await readHeaders(watched(), directory);
  change();

  const { candidates } = await readHeaders(watched(), directory, before);

  expect(candidates.map(({ header }) => header.firstOffset)).toEqual(expected);
});

test("where the directory's time is not known, everything is read each time", async () => {
  const nameless: Disk = {
    ...watched(),
    open: (path, mode) =>
      path === directory ? Promise.reject(new Error("not here")) : watched().open(path, mode),
  };
  const before = await readHeaders(nameless, directory);
  opened = [];

  await readHeaders(nameless, directory, before);

  expect(opened).toHaveLength(3);
});

/** As the spool does it: a file has its header before it has its name. */
function put(number: number, firstOffset: number): void {
  const header = { spoolId: "00".repeat(16), salt: number, firstOffset, number, createdAtMs: 0 };
  writeFileSync(join(directory, "spare"), encodeSegmentHeader(header));
  renameSync(join(directory, "spare"), pathOf(number));
}

function pathOf(number: number): string {
  return join(directory, segmentName(number));
}

function watched(): Disk {
  return {
    ...systemDisk,
    open(path, mode) {
      if (path !== directory) opened.push(path);
      return systemDisk.open(path, mode);
    },
  };
}
