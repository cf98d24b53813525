import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { NamedTest } from "./mutant.ts";

/** Random tests draw the same at each run; SLUICE_SEED overrules it. */
const SEED = "1";

/** "absent": no test of that file has such a title. A file that cannot be loaded fails all that are named in it. */
export type Verdict = "passed" | "failed" | "absent";

/** Runs the named tests of a house, and no others, and says what became of each, in their order. */
export function runTests(house: string, tests: readonly NamedTest[]): readonly Verdict[] {
  const folder = mkdtempSync(join(tmpdir(), "sluice-suite-"));
  const report = join(folder, "report.json");
  const files = [...new Set(tests.map(({ file }) => file))];
  const titles = [...new Set(tests.map(({ title }) => RegExp.escape(title)))].join("|");
  try {
    const words = ["run", "--reporter=json", `--outputFile=${report}`, "--testNamePattern", titles, ...files];
    spawnSync(join(house, "node_modules/.bin/vitest"), words, {
      cwd: house,
      stdio: "ignore",
      env: { SLUICE_SEED: SEED, ...process.env, SLUICE_SCALE: "test" },
    });
    const { testResults }: Report = JSON.parse(readFileSync(report, "utf8"));
    return tests.map((test) => verdictOn(test, house, testResults));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  readonly testResults: readonly FileResult[];
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
}

function verdictOn({ file, title }: NamedTest, house: string, results: readonly FileResult[]): Verdict {
  const result = results.find(({ name }) => relative(house, name) === file);
  if (!result) return "absent";
  if (result.status === "failed" && result.assertionResults.length === 0) return "failed";
  const ran = result.assertionResults.filter((test) => test.title.includes(title));
  if (ran.some(({ status }) => status === "failed")) return "failed";
  return ran.some(({ status }) => status === "passed") ? "passed" : "absent";
}
