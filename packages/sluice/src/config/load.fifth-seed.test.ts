import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { langfuseSink } from "../sinks/langfuse/sink.ts";
import { sinks } from "../sinks/registry.ts";
import { loadConfig } from "./load.ts";

const SEED = join(import.meta.dirname, "../sinks/langfuse/golden/fifth-seed.toml");

test("the fifth seed's own configuration file, word for word, configures the Langfuse sink", async () => {
  const text = readFileSync(SEED, "utf8");

  const config = await loadConfig({
    cwd: "/ada",
    env: {},
    flags: {},
    definitions: sinks,
    readText: async (path) => {
      if (path === "/ada/sluice.toml") return text;
      throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    },
  });

  expect(config.sinks).toMatchObject([
    {
      name: "langfuse-prod",
      type: "langfuse",
      enabled: true,
      filter: expect.any(Function),
      params: { host: "https://langfuse.example.com", public_key: "pk-lf-...", secret_key: "sk-lf-..." },
    },
  ]);
  const params = langfuseSink.options.parse(config.sinks[0]?.params);
  expect(langfuseSink.destination(params)).toBe("https://langfuse.example.com/");
  expect(params.mode).toBe("otlp");
});
