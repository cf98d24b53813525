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

/** What an example takes from the environment, where the sink looks at more than its presence. */
const ENVIRONMENT: Record<string, string> = {
  DATABASE_URL: "postgres://ann:secret@127.0.0.1/llm",
  LANGFUSE_PUBLIC_KEY: "pk-lf-1",
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, "k").toString("base64")}`,
};

test.each([...sinks])("the example on the page of $type is a table that the sink accepts", (definition) => {
  const text = definition.docs?.example ?? "";
  const filled = text.replaceAll(/\$\{env:(\w+)\}/g, (placeholder, name) => ENVIRONMENT[name] ?? placeholder);
  const example = parse(filled).sinks;

  expect(example).toMatchObject([{ type: definition.type }]);
  const [table] = example as unknown as [{ readonly params: unknown }];
  expect(definition.options.safeParse(table.params)).toMatchObject({ success: true });
});
