import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type Answer,
  openProviderServer,
  type ProviderServer,
} from "../../packages/sluice/src/testing/provider-server.ts";

const PROGRAM = join(import.meta.dirname, "../../examples/custom-file-emitter/main.ts");

let provider: ProviderServer;
let directory: string;

beforeEach(async () => {
  provider = await openProviderServer();
  directory = mkdtempSync(join(tmpdir(), "sluice-example-"));
});

afterEach(async () => {
  await provider.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Runs the example in a directory of its own, as a reader does, until it ends by itself. */
async function runExample(key: string): Promise<{ code: number | null; output: string; errors: string }> {
  const { OPENAI_API_KEY: _mine, ...inherited } = process.env;
  const env = {
    ...inherited,
    ...(key !== "" && { OPENAI_API_KEY: key }),
    OPENAI_BASE_URL: `${provider.url}/v1`,
  };
  const child = spawn(process.execPath, ["--conditions=sluice-source", PROGRAM], { cwd: directory, env });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, output, errors };
}

/** The log's entries: the tag and the object of each. */
function entries(): [string, unknown][] {
  const log = readFileSync(join(directory, "events.log"), "utf8");
  const entry = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] \[EVENT: (\w+)\]\n(\{\n[\s\S]*?\n\})\n\n/gm;
  const found = [...log.matchAll(entry)];
  expect(found.map(([text]) => text).join("")).toBe(log);
  return found.map(([, tag = "", json = ""]) => [tag, JSON.parse(json)]);
}

function answer(message: object, status = 200): Answer {
  const choices = [{ index: 0, message: { role: "assistant", ...message }, finish_reason: "stop" }];
  const usage = { prompt_tokens: 15, completion_tokens: 9, total_tokens: 24 };
  const body = status === 200 ? { id: "c-1", model: "gpt-4.1-mini-2025-04-14", choices, usage } : message;
  const headers = { "content-type": "application/json" };
  return { status, headers, chunks: [Buffer.from(JSON.stringify(body))] };
}

const model = { provider: "openai", model_id: "gpt-4.1-mini" };
const setUp = [
  ["INIT_START", { event_type: "LLM_INITIALIZATION_START", ...model, temperature: 0.7, trace_id: "" }],
  [
    "INIT_SUCCESS",
    {
      ...{ event_type: "LLM_INITIALIZATION_SUCCESS", ...model, trace_id: "" },
      capabilities: ["text_generation", "tool_calling", "streaming"],
    },
  ],
];
const asked = {
  ...{ ...model, operation: "llm_generation", messages_count: 1, temperature: 0.7 },
  ...{
    message_content: "What is a sluice, in one sentence?",
    trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
  },
};

test("the example prints the reply and its usage, and logs every event in the seed's form", async () => {
  const call = {
    id: "call_abc123",
    type: "function",
    function: { name: "look_up", arguments: '{"word":"sluice"}' },
  };
  provider.answer(answer({ content: "A gate for water.", tool_calls: [call] }));

  const { code, output, errors } = await runExample("sk-test");

  expect([code, errors]).toEqual([0, ""]);
  expect(output).toBe("A gate for water.\nTokens: 15 in, 9 out.\nEvery event is in events.log.\n");
  expect(entries()).toEqual([
    ...setUp,
    [
      "TOOL_CALL_DETECTED",
      {
        ...{ event_type: "TOOL_CALL_DETECTED", ...model, tool_call_id: "call_abc123", tool_name: "look_up" },
        ...{ arguments: '{"word":"sluice"}', trace_id: asked.trace_id },
      },
    ],
    [
      "GENERATION_SUCCESS",
      {
        ...{ event_type: "LLM_GENERATION_SUCCESS", ...asked, response_length: 17, choices_count: 1 },
        metadata: {
          model_version: "gpt-4.1-mini-2025-04-14",
          custom_fields: { input_tokens: "15", output_tokens: "9" },
        },
      },
    ],
  ]);
});

test("a request that is refused is in the log, and the program fails with the provider's error", async () => {
  provider.answer(
    answer({ error: { message: "The model does not exist.", type: "invalid_request_error" } }, 404),
  );

  const { code, errors } = await runExample("sk-test");

  expect(code).toBe(1);
  expect(errors).toContain("404 The model does not exist.");
  expect(entries()).toEqual([
    ...setUp,
    [
      "GENERATION_ERROR",
      { event_type: "LLM_GENERATION_ERROR", ...asked, error: "The model does not exist." },
    ],
  ]);
});

test("a missing key is in the log", async () => {
  const { code, errors } = await runExample("");

  expect(code).toBe(1);
  expect(errors).toContain("OPENAI_API_KEY");
  expect(entries()).toEqual([
    setUp[0],
    [
      "INIT_ERROR",
      {
        ...{
          event_type: "LLM_INITIALIZATION_ERROR",
          ...model,
          operation: "llm_initialization",
          trace_id: "",
        },
        error: expect.stringContaining("Missing credentials"),
      },
    ],
  ]);
});
