import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sinks } from "../../packages/sluice/src/sinks/registry.ts";
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

test.each([...sinks])(
  "the sink $type has an example, a table of what becomes of events, and words on every option",
  (sink) => {
    const { docs, options, type } = sink;
    const described = Object.entries(options.shape).map(([name, option]) => [name, option.description ?? ""]);

    expect(docs?.example).toContain(`type = "${type}"`);
    expect(docs?.mapping.length).toBeGreaterThan(0);
    expect(docs?.notes?.length).toBeGreaterThan(0);
    expect(described.filter(([, words]) => words === "")).toEqual([]);
  },
);

test("every sink is held to the sink contract", () => {
  const held = sinks.filter(({ type }) => {
    const path = join(root, `test/contract/sinks/${type}.test.ts`);
    return existsSync(path) && readFileSync(path, "utf8").includes("sinkContract(");
  });

  expect(held.map(({ type }) => type)).toEqual(sinks.map(({ type }) => type));
});
