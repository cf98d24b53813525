import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runExample } from "./example.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-example-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("each scope has a file of its own, and is read back as it was built", async () => {
  const result = await runExample("business-events", [directory]);

  expect(result).toEqual({
    exit: 0,
    stdout: [
      'user: llm_request {"model":"gpt-4","prompt_tokens":150}',
      'user: invoice_sent {"cents":1250}',
      'user: deployed {"version":"1.4.0"}',
      'system: cache_miss {"key":"greeting"}',
      'system: deployed {"version":"1.4.0"}',
      "",
    ].join("\n"),
    stderr: "",
  });
  expect(scopesIn("users.jsonl")).toEqual([
    { kind: "user", id: "user_123" },
    { kind: "user", id: "user_7" },
    undefined,
  ]);
  expect(scopesIn("system.jsonl")).toEqual([{ kind: "system" }, undefined]);
});

function scopesIn(file: string): readonly unknown[] {
  const lines = readFileSync(join(directory, file), "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line).scope);
}
