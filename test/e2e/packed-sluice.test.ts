import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lint, type PackedPackage, packPackage } from "./packed-package.ts";

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
