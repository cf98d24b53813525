import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./sources.ts";

const EXAMPLES = readdirSync(join(ROOT, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

test.each(EXAMPLES)("the example %s says what it is, and a test runs it", (name) => {
  expect(existsSync(join(ROOT, `examples/${name}/README.md`))).toBe(true);
  expect(existsSync(join(ROOT, `test/e2e/example-${name}.test.ts`))).toBe(true);
});

test("the list of examples has them all, and no other", () => {
  const list = readFileSync(join(ROOT, "examples/README.md"), "utf8");

  const named = [...list.matchAll(/^\| \[([\w-]+)\]\(\1\) \|/gm)].map((match) => match[1]);

  expect(named).toEqual([...EXAMPLES].sort());
});

test("examples import what an application can import", () => {
  const texts = globSync("examples/**/*.ts", { cwd: ROOT }).map((path) =>
    readFileSync(join(ROOT, path), "utf8"),
  );

  const imported = texts.flatMap((text) => [...text.matchAll(/ from "([^"]+)"/g)].map((match) => match[1]));

  expect(imported.filter((name) => name?.startsWith("..") || name?.includes("/internal"))).toEqual([]);
});
