import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pages } from "../../scripts/pages.ts";

const root = join(import.meta.dirname, "../..");

test.each([...pages()])("%s is what `npm run docs` writes today", (path, text) => {
  const committed = existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";

  expect(committed, "run: npm run docs").toBe(text);
});

test("no page is left of a sink that is gone", () => {
  const committed = globSync("docs/reference/sinks/*.md", { cwd: root });

  expect(committed.sort()).toEqual([...pages().keys()].filter((path) => path.includes("/sinks/")).sort());
});
