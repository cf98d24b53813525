import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./sources.ts";

const readme = readFileSync(join(ROOT, "README.md"), "utf8");
const ci = readFileSync(join(ROOT, ".ci/run"), "utf8");
const scripts: Record<string, string> = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).scripts;

test("CI runs the README's test command, and the check, and nothing that hides a failure", () => {
  expect(readme).toContain("npm ci && npm test");
  expect(commandsOf(ci)).toEqual([".ci/tools", "npm ci", "npm test", "npm run check"]);
});

test("the README's first screen starts the daemon with two commands", () => {
  expect(readme.split("\n").slice(0, 60).join("\n")).toContain("npm ci && npm start");
});

test("every npm script that a page names exists", () => {
  const pages = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].map((page) =>
    readFileSync(join(ROOT, page), "utf8"),
  );
  const named = pages.flatMap((page) =>
    [...page.matchAll(/npm (?:run )?([a-z][a-z:-]*)/g)].map((match) => match[1] ?? ""),
  );
  const builtIn = ["ci", "install", "i", "run", "exec", "pack"];

  expect(named.filter((name) => !builtIn.includes(name) && !(name in scripts))).toEqual([]);
});

/** The lines of the script that do something: no shebang, comments, settings. */
function commandsOf(script: string): readonly string[] {
  return script.split("\n").filter((line) => line !== "" && !/^(#|set |cd )/.test(line));
}
