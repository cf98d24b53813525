import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFolder, projectsOfTests } from "../projects.ts";

test.each(projectsOfTests())("the tests find %s installed, in the versions that it names", (name) => {
  const folder = projectFolder(name);

  const named = manifestOf(folder).dependencies ?? {};
  const installed = Object.keys(named).map((each) => [
    each,
    manifestOf(join(folder, "node_modules", each)).version,
  ]);

  expect(Object.fromEntries(installed)).toEqual(named);
});

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
