import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figure } from "./figures.ts";
import { reportPage } from "./report.ts";

/**
 * `npm run chaos [-- PART …]` and `npm run soak [-- PART …]`: the battery at its larger sizes; a part is a
 * folder or a file here ("storage", "storage/kill"). A whole run of `chaos` that passes writes
 * docs/guarantees-report.md: per promise, the figures that were reached.
 */
const ROOT = join(import.meta.dirname, "../..");
const REPORT = join(ROOT, "docs/guarantees-report.md");

const [scale = "chaos", ...parts] = process.argv.slice(2);
const paths = parts.length > 0 ? parts.map((part) => `test/chaos/${part}`) : ["test/chaos"];
const figures = join(mkdtempSync(join(tmpdir(), "sluice-chaos-")), "figures.jsonl");

const startedAtMs = Date.now();
// One file at a time: the figures are of a machine that does nothing else.
const words = ["run", "--no-file-parallelism", ...paths];
const { status } = spawnSync(join(ROOT, "node_modules/.bin/vitest"), words, {
  cwd: ROOT,
  stdio: "inherit",
  env: { ...process.env, SLUICE_SCALE: scale, SLUICE_FIGURES: figures },
});
if (status === 0 && scale === "chaos" && parts.length === 0) {
  writeFileSync(REPORT, reportPage(readFigures(), Date.now() - startedAtMs));
}
process.exit(status ?? 1);

function readFigures(): readonly Figure[] {
  if (!existsSync(figures)) return [];
  const lines = readFileSync(figures, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}
