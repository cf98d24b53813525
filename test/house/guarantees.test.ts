import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { promises } from "../chaos/promises.ts";
import { ROOT, sourceFiles } from "./sources.ts";

const page = readFileSync(join(ROOT, "docs/spec/guarantees.md"), "utf8");
const ids = promises(page).map(({ id }) => id);

const TITLE = /\btest(?:\.[a-zA-Z]+(?:\([^)]*\))?)*\(\s*(?:"[^"]*"|`[^`]*`)/g;
/** In the title of a test: "… (P2)", "… (P6, P7)", "… (P7, T12)". */
const IDS = /\(((?:[PT]\d+[a-z]?(?:, )?)+)\)/g;

const cited = new Set(
  sourceFiles()
    .filter(({ path }) => path.endsWith(".test.ts"))
    .flatMap(({ text }) => [...text.matchAll(TITLE)].map(([title]) => title))
    .flatMap((title) => [...title.matchAll(IDS)].flatMap(([, list = ""]) => list.split(", "))),
);

test("every promise has a test that carries its id", () => {
  expect(ids.length).toBeGreaterThan(0);
  expect(ids.filter((id) => !cited.has(id))).toEqual([]);
});
