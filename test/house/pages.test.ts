import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./sources.ts";

/** Where a page's paths begin: at the root, or in the package that it says it is about. */
const BASES = ["", "packages/sluice/src"];

test.each(["ARCHITECTURE.md", "CONTRIBUTING.md"])("every path that %s names is there", (page) => {
  const text = readFileSync(join(ROOT, page), "utf8");
  const named = [...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)+|[\w-]+\.(?:ts|md))`/g)].map(
    (match) => match[1] ?? "",
  );

  const missing = named.filter((path) => !BASES.some((base) => existsSync(join(ROOT, base, path))));

  expect(named.length).toBeGreaterThan(0);
  expect(missing).toEqual([]);
});

test("decisions are numbered without gaps, and each page says its number", () => {
  const directory = join(ROOT, "docs/decisions");
  const names = readdirSync(directory).sort();

  const wrong = names.filter((name, index) => {
    const number = index + 1;
    const title = readFileSync(join(directory, name), "utf8").split("\n")[0] ?? "";
    return !name.startsWith(`${String(number).padStart(4, "0")}-`) || !title.startsWith(`# ${number}. `);
  });

  expect(wrong).toEqual([]);
});
