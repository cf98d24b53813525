import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./sources.ts";

const PACKAGES = ["packages/sdk", "packages/sluice"];

test.each(PACKAGES)("%s carries the licence and says what it is", (path) => {
  const manifest = JSON.parse(readFileSync(join(ROOT, path, "package.json"), "utf8"));

  expect(readFileSync(join(ROOT, path, "LICENSE"), "utf8")).toBe(readFileSync(join(ROOT, "LICENSE"), "utf8"));
  expect(existsSync(join(ROOT, path, "README.md"))).toBe(true);
  expect(manifest).toMatchObject({
    description: expect.any(String),
    keywords: expect.any(Array),
    license: "MIT",
    engines: { node: expect.any(String) },
  });
});

test.each(PACKAGES)("installing %s runs no script", (path) => {
  const { scripts = {} } = JSON.parse(readFileSync(join(ROOT, path, "package.json"), "utf8"));

  expect(Object.keys(scripts)).toEqual([]);
});

test("the SDK depends on nothing", () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "packages/sdk/package.json"), "utf8"));

  expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual([]);
});
