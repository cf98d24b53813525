import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { expect, test } from "vitest";
import { sinkOfType, sinks } from "./registry.ts";

test("every sink that is defined is in the registry, once and sorted", () => {
  const files = globSync("**/*.ts", { cwd: import.meta.dirname })
    .filter((file) => !file.endsWith(".test.ts") && file !== "define.ts")
    .map((file) => readFileSync(join(import.meta.dirname, file), "utf8"));
  const defined = files.flatMap((source) =>
    [...source.matchAll(/defineSink\(\{\s*type: "([^"]+)"/g)].map((match) => match[1]),
  );

  const registered = sinks.map((definition) => definition.type);

  expect(defined.length).toBe(files.filter((source) => source.includes("defineSink(")).length);
  expect(registered).toEqual(defined.sort());
});

test("a type that nobody defined has no definition", () => {
  expect(sinkOfType("lunary")?.type).toBe("lunary");
  expect(sinkOfType("langfues")).toBeUndefined();
});

test.each([...sinks])("the example on the page of $type is a table that the sink accepts", (definition) => {
  const example = parse(definition.docs?.example ?? "").sinks;

  expect(example).toMatchObject([{ type: definition.type }]);
  const [table] = example as unknown as [{ readonly params: unknown }];
  expect(definition.options.safeParse(table.params)).toMatchObject({ success: true });
});
