import { afterEach, expect, test } from "vitest";
import { closeAll, setUp } from "./langfuse.test-support.ts";

afterEach(closeAll);

test.each([
  ["v2", { version: 2 }, "otlp", 'The server is Langfuse 2.95.12: this sink needs mode = "ingestion" there.'],
  ["v3", { version: 3 }, "otlp", 'The server is Langfuse 3.112.0: this sink needs mode = "ingestion" there.'],
  ["v4", { version: 4 }, "otlp", undefined],
  ["v4 that writes dual", { version: 4, writeMode: "dual" }, "otlp", undefined],
  ["v2", { version: 2 }, "ingestion", undefined],
  ["v3", { version: 3 }, "ingestion", undefined],
  ["v4 that writes dual", { version: 4, writeMode: "dual" }, "ingestion", undefined],
  ["v4 that writes legacy", { version: 4, writeMode: "legacy" }, "ingestion", undefined],
  ["v4 in events_only", { version: 4 }, "ingestion", expect.stringContaining('needs mode = "otlp"')],
] as const)("of a %s (%o), mode %s is told: %s", async (_, server, mode, sentence) => {
  const { check, langfuse } = await setUp(server, { mode });

  expect(await check()).toEqual(sentence);
  expect([...langfuse.traces, ...langfuse.observations]).toEqual([]);
});

test.each(["otlp", "ingestion"])("in mode %s a wrong key is found", async (mode) => {
  const { check } = await setUp({ version: mode === "otlp" ? 4 : 3 }, { mode, secret_key: "sk-lf-wrong" });

  expect(await check()).toContain("HTTP 401");
});

test("a server that is not Langfuse is said to be none", async () => {
  const { check, langfuse } = await setUp({});
  langfuse.choose(() => "html");

  expect(await check()).toContain("This is not Langfuse");
});
