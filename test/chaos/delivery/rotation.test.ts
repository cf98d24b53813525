import { execFile } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { scaled } from "../scale.ts";
import { VOLUME_TOOLS, Volume } from "../storage/space-volume.ts";
import { missingTools } from "../tools.ts";
import { LineSource } from "./line-source.ts";

const DURATION_MS = scaled({ test: 800, chaos: 20_000, soak: 120_000 });
const TEST_MS_MAX = DURATION_MS + 40_000;
/** Between two rotations. Far more often than anybody does it: each is a chance to lose something. */
const EVERY_MS = 40;
const REOPENED_MS_MAX = 5_000;
const RECOVERED_MS_MAX = 10_000;

let directory: string;
/** Where the log is: the directory, or a volume. */
let folder: string;
let volume: Volume | undefined;
let source: LineSource | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-rotation-"));
  folder = directory;
});
afterEach(async () => {
  await source?.close();
  await volume?.close();
  rmSync(directory, { recursive: true });
});

test(
  "a log that is renamed away as it is written loses no line, and is made anew (P2, T43)",
  async () => {
    source = await LineSource.open(folder);
    let renames = 0;
    let reopenedMsMax = 0;

    for (const untilMs = performance.now() + DURATION_MS; performance.now() < untilMs; ) {
      await passed(EVERY_MS);
      await written();
      await shell(`mv events.jsonl events.${numberOf(++renames)}`);
      const renamedAtMs = performance.now();
      await written();
      reopenedMsMax = Math.max(reopenedMsMax, performance.now() - renamedAtMs);
    }
    await source.end();

    expect(idsOf(files().flatMap(linesOf))).toEqual(source.delivered);
    expect(reopenedMsMax).toBeLessThanOrEqual(REOPENED_MS_MAX);
    const what = `${source.delivered.length} lines through ${renames} renames from outside`;
    figure("P2", `${what}: lost, fused or torn`, 0, "0");
    figure(
      "P2",
      "the same: longest until the file was there anew, in seconds",
      inSeconds(reopenedMsMax),
      "≤ 5",
    );
  },
  TEST_MS_MAX,
);

test(
  "a log that is copied and emptied between two writes loses no line, and gets no hole (P2, T43)",
  async () => {
    source = await LineSource.open(folder);
    let copies = 0;

    for (const untilMs = performance.now() + DURATION_MS; performance.now() < untilMs; ) {
      await passed((copies * 7) % EVERY_MS);
      await written();
      // Nothing else happens in this process meanwhile, wherever the sink is on its way to the next write.
      copyAndEmpty(++copies);
    }
    await source.end();

    expect(idsOf(files().flatMap(linesOf))).toEqual(source.delivered);
    const what = `${source.delivered.length} lines through ${copies} copies that empty the file`;
    figure("P2", `${what}: lost, fused, torn, or behind a hole`, 0, "0");
  },
  TEST_MS_MAX,
);

test(
  "a log that is copied and emptied under a write loses what came between the two, and no more (P2, T43)",
  async () => {
    source = await LineSource.open(folder);
    let copies = 0;

    for (const untilMs = performance.now() + DURATION_MS; performance.now() < untilMs; ) {
      await passed(EVERY_MS);
      await written();
      await shell(`cp events.jsonl events.${numberOf(++copies)} && truncate -s 0 events.jsonl`);
    }
    await source.end();

    const places = new Map(source.delivered.map((id, place) => [id, place]));
    for (const file of files()) {
      // A copy may have been taken in the middle of a write; the file itself ends with a whole line.
      const lines = linesOf(file);
      const ids = idsOf(file === "events.jsonl" ? lines : lines.slice(0, -1));
      const first = places.get(ids[0] ?? "") ?? 0;
      expect(ids, file).toEqual(source.delivered.slice(first, first + ids.length));
    }
  },
  TEST_MS_MAX,
);

const missing = missingTools(...VOLUME_TOOLS);
test.skipIf(missing)(
  `a full disk, renames, and lines that others have left unfinished cost no line (P6, P2, T43)${missing}`,
  async () => {
    volume = await Volume.tmpfs("size=64m");
    folder = volume.path;
    source = await LineSource.open(folder);
    await passed(DURATION_MS / 8);

    await source.between(() => leave('{"id":"torn'));
    await passed(DURATION_MS / 8);
    await source.between(() => leave(STRANGE));
    await passed(DURATION_MS / 8);
    await volume.run("cat /dev/zero > ballast || true");
    await vi.waitFor(() => expect(source?.refusals).toContainEqual(expect.stringContaining("ENOSPC")), 5_000);
    await volume.run(`mv events.jsonl events.${numberOf(1)}`);
    await passed(DURATION_MS / 8);
    const before = source.delivered.length;
    await volume.run("rm ballast");
    const freedAtMs = performance.now();
    await vi.waitFor(() => expect(source?.delivered.length).toBeGreaterThan(before), RECOVERED_MS_MAX);
    const recoveredMs = performance.now() - freedAtMs;
    await source.end();

    const lines = files().flatMap(linesOf);
    expect(idsOf(lines.filter((line) => line !== STRANGE))).toEqual(source.delivered);
    expect(lines).toContain(STRANGE);
    const what = `${source.delivered.length} lines through a full disk and others' half lines`;
    figure("P6", `${what}: lost, fused or torn`, 0, "0");
    figure("P6", "the same: seconds until lines were written again", inSeconds(recoveredMs), "≤ 10");
  },
  TEST_MS_MAX,
);

/** Until the file is there. */
async function written(): Promise<void> {
  while (!existsSync(join(folder, "events.jsonl"))) await passed(1);
}

/** No sluice wrote this, so it stays, on a line of its own. */
const STRANGE = "somebody was here";

/** A line without an end. */
function leave(words: string): void {
  appendFileSync(join(folder, "events.jsonl"), words);
}

function copyAndEmpty(copy: number): void {
  const path = join(folder, "events.jsonl");
  copyFileSync(path, join(folder, `events.${numberOf(copy)}`));
  truncateSync(path);
}

async function shell(line: string): Promise<void> {
  await promisify(execFile)("sh", ["-c", line], { cwd: folder });
}

/** So that names are in the order of time. */
function numberOf(rotation: number): string {
  return String(rotation).padStart(6, "0");
}

/** The old ones, and then the one that is written. */
function files(): readonly string[] {
  return readdirSync(folder).sort();
}

function linesOf(file: string): readonly string[] {
  const lines = readFileSync(join(folder, file), "utf8").split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function idsOf(lines: readonly string[]): readonly string[] {
  return lines.map((line) => JSON.parse(line).id);
}

function inSeconds(durationMs: number): string {
  return (durationMs / 1_000).toFixed(2);
}
