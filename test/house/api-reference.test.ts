import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type ApiReference, apiReference } from "../../scripts/api-reference/pages.ts";
import { rooms } from "../../scripts/api-reference/rooms.ts";
import { ROOT } from "./sources.ts";

let reference: ApiReference;

beforeAll(async () => {
  reference = await apiReference();
}, 120_000);

test("every name that the SDK exports has a doc comment", () => {
  expect(reference.undocumented).toEqual([]);
});

test("the SDK's reference is what `npm run docs` writes today", () => {
  const committed = globSync("docs/reference/sdk/**/*.md", { cwd: ROOT }).sort();

  expect(committed, "run: npm run docs").toEqual([...reference.pages.keys()].sort());
  for (const [path, text] of reference.pages)
    expect(readFileSync(join(ROOT, path), "utf8"), `${path} is stale, run: npm run docs`).toBe(text);
});

test("every name that the SDK exports is on a page of its room", () => {
  const names = readFileSync(join(ROOT, "packages/sdk/src/index.ts"), "utf8")
    .replaceAll(/ from "[^"]+"|\bexport\b|\btype\b|[{};]/g, "")
    .split(/[,\s]+/)
    .filter((name) => name !== "");

  const pages = [...reference.pages.values()].join("\n").replaceAll("\\_", "_");

  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !new RegExp(`^## ${name}(\\(\\)|\\W.*)?$`, "m").test(pages))).toEqual([]);
});

test("every link between the pages leads somewhere", () => {
  const broken = [...reference.pages].flatMap(([path, text]) =>
    [...text.matchAll(/\]\(([^)#\s]+\.md)/g)]
      .map((match) => join(path, "..", match[1] ?? ""))
      .filter((target) => !reference.pages.has(target) && !existsSync(join(ROOT, target))),
  );

  expect(broken).toEqual([]);
});

test("a part of the SDK that has no page yet is an error and not a gap", () => {
  expect(() => rooms('export { a } from "./attic/a.ts";')).toThrow("attic/a.ts");
});
