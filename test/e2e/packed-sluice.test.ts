import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command, lint, type PackedPackage, packPackage } from "./packed-package.ts";

/** The daemon's package as it would be published. The command line itself has its own test. */
let directory: string;
let packed: PackedPackage;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sluice-packed-"));
  packed = await packPackage("sluice", directory);
}, 120_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("publint has nothing to say, not even a suggestion", async () => {
  expect(await lint(packed)).toEqual([]);
});

test("the tarball has the launcher, the vocabularies, the built files and their sources, and no test", () => {
  const kinds =
    /^(LICENSE|README\.md|package\.json|bin\/sluice\.cjs|vocabulary\/(README\.md|.+\.br)|src\/.+\.ts|dist\/.+\.(js|d\.ts)(\.map)?)$/;

  expect(packed.files).toContain("dist/cli/main.js");
  expect(packed.files).toContain("vocabulary/o200k_base.br");
  expect(packed.files.filter((path) => !kinds.test(path) || /\.(test|test-support)\./.test(path))).toEqual(
    [],
  );
});

/** Counts a run with what was built, and does not close what it opened. */
const COUNTING = `
  import { systemClock } from "@sluice/sdk/internal";
  import { Counter } from "./package/dist/tokens/counter.js";

  const request = { model: "gpt-4o", input: "Hi" };
  const run = { type: "llm", status: "ok", request, response: { output: "Hello!" } };
  const body = new TextEncoder().encode(JSON.stringify({ id: "a", kind: "run.ended", run }));
  console.log(JSON.stringify(await new Counter({ clock: systemClock }).count(body)));
`;

test("the thread that counts is found beside what was built, and keeps no process alive", async () => {
  const home = join(directory, "unpacked");
  mkdirSync(home);
  symlinkSync(join(directory, "house/node_modules"), join(home, "node_modules"));
  writeFileSync(join(home, "counting.mjs"), COUNTING);

  const said = await command(`tar -xzf ${packed.tarball} && node counting.mjs`, home);

  expect(JSON.parse(said)).toEqual({
    status: "counted",
    usage: { input: 8, output: 2, source: "counted" },
  });
});
