import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figure } from "./figures.ts";
import { recordPart } from "./record.ts";
import { reportPage } from "./report.ts";

/**
 * `npm run chaos [-- PART …]` and `npm run soak [-- PART …]`: the battery at its larger sizes; a part is a
 * folder or the beginning of a file's path here ("storage", "storage/kill"). Once every part of `chaos` has
 * passed with the same product, in one run or in several, docs/guarantees-report.md is written: per promise,
 * the figures that were reached.
 */
const ROOT = join(import.meta.dirname, "../..");
const REPORT = join(ROOT, "docs/guarantees-report.md");

/** These measure how long something takes, or how much memory: only on a machine that does nothing else. */
const MEASURING: readonly string[] = [
  "delivery/detach-cycles.test.ts",
  "delivery/endurance.test.ts",
  "delivery/flapping.test.ts",
  "delivery/half-open.test.ts",
  "delivery/isolation.test.ts",
  "delivery/lag.test.ts",
  "delivery/long-walk.test.ts",
  "delivery/open-runs.test.ts",
  "delivery/replay.test.ts",
  "storage/data-dir.test.ts",
  "storage/hung-disk.test.ts",
  "storage/memory-connections.test.ts",
  "storage/memory.test.ts",
  "storage/owners.test.ts",
  "storage/recovery-time.test.ts",
];

const [scale = "chaos", ...parts] = process.argv.slice(2);
const all = globSync("**/*.test.ts", { cwd: import.meta.dirname }).sort();
const chosen = parts.length === 0 ? all : all.filter((file) => parts.some((part) => file.startsWith(part)));
if (chosen.length === 0) throw new Error(`no test in test/chaos begins with ${parts.join(" or ")}`);
const folder = mkdtempSync(join(tmpdir(), "sluice-chaos-"));
const figures = join(folder, "figures.jsonl");

const startedAtMs = Date.now();
const isMeasuring = (file: string) => MEASURING.includes(file);
const passed = [
  ...passing(
    chosen.filter((file) => !isMeasuring(file)),
    "--maxWorkers=2",
  ),
  ...passing(chosen.filter(isMeasuring), "--no-file-parallelism"),
];
process.exitCode = passed.length === chosen.length ? 0 : 1;
if (scale === "chaos") {
  const reached = readFigures().filter(({ file }) => passed.includes(file));
  const parts = recordPart({ durationMs: Date.now() - startedAtMs, files: passed, figures: reached });
  if (all.every((file) => parts.files.includes(file))) {
    writeFileSync(REPORT, reportPage(inOrder(parts.figures), parts.durationMs));
  }
}

/** Those of the files that pass. */
function passing(files: readonly string[], workers: string): readonly string[] {
  if (files.length === 0) return [];
  const outcomes = join(folder, `outcomes-${files.length}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${outcomes}`];
  const words = ["run", workers, ...reporters, ...files.map((file) => `test/chaos/${file}`)];
  spawnSync(join(ROOT, "node_modules/.bin/vitest"), words, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, SLUICE_SCALE: scale, SLUICE_FIGURES: figures },
  });
  if (!existsSync(outcomes)) return [];
  const { testResults }: Outcomes = JSON.parse(readFileSync(outcomes, "utf8"));
  const isWell = (file: string) =>
    testResults.some(({ name, status }) => name === join(import.meta.dirname, file) && status === "passed");
  return files.filter(isWell);
}

/** What vitest's reporter writes, as far as it is read here. */
interface Outcomes {
  readonly testResults: readonly { readonly name: string; readonly status: string }[];
}

function readFigures(): readonly Figure[] {
  if (!existsSync(figures)) return [];
  const lines = readFileSync(figures, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** In the order of the tests' files, not of their ends; those of one file as it has told them. */
function inOrder(told: readonly Figure[]): readonly Figure[] {
  return told.toSorted((one, other) => all.indexOf(one.file) - all.indexOf(other.file));
}
