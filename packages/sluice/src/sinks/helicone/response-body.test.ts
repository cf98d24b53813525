import type { Run } from "@sluice/sdk";
import { expect, test } from "vitest";
import { ended, setUp } from "./rig.test-support.ts";

const BUCKETS = {
  input: 10,
  cacheRead: 40,
  cacheWrite5m: 5,
  output: 7,
  reasoning: 3,
  source: "counted",
} as const;

/** What Helicone reads of a run, sent by the route of its provider. */
async function stored(run: Partial<Run>) {
  const { server, send } = await setUp();
  expect(await send(ended(run))).toMatchObject({ status: "delivered" });
  const [row] = server.rows;
  if (!row) throw new Error("nothing was stored");
  return { ...row, path: server.requests[0]?.path };
}

test.each([
  ["openai", "chat", "/oai/v1/log", { promptTokens: 55, completionTokens: 10, cacheReadTokens: 40 }],
  ["openai", "responses", "/oai/v1/log", { promptTokens: 55, completionTokens: 10, cacheReadTokens: 40 }],
  ["azure.ai.openai", "chat", "/oai/v1/log", { promptTokens: 55, completionTokens: 10 }],
  [
    "anthropic",
    "chat",
    "/anthropic/v1/log",
    { promptTokens: 10, completionTokens: 10, cacheReadTokens: 40, cacheWriteTokens: 5 },
  ],
  ["gcp.gemini", "chat", "/googleapis/v1/log", { promptTokens: 55, completionTokens: 10 }],
  ["ollama", "chat", "/custom/v1/log", { promptTokens: 55, completionTokens: 10 }],
] as const)(
  "usage of %s (%s) is made of the buckets in its own keys",
  async (provider, operation, path, expected) => {
    const row = await stored({ provider, operation, usage: BUCKETS });

    expect(row).toMatchObject({ path, ...expected, properties: { "usage-source": "counted" } });
  },
);

test.each([
  [
    "openai",
    { prompt_tokens: 8, completion_tokens: 3, total_tokens: 11, prompt_tokens_details: { cached_tokens: 2 } },
  ],
  ["openai", { input_tokens: 8, output_tokens: 3, total_tokens: 11 }],
  ["anthropic", { input_tokens: 8, output_tokens: 3, cache_read_input_tokens: 2, service_tier: "standard" }],
  [
    "gcp.gemini",
    { promptTokenCount: 8, candidatesTokenCount: 2, thoughtsTokenCount: 1, totalTokenCount: 11 },
  ],
] as const)(
  "the usage object of %s goes out as it came, though the buckets say otherwise",
  async (provider, raw) => {
    const row = await stored({ provider, usage: { input: 6, output: 3, source: "provider", raw } });

    expect(row).toMatchObject({ promptTokens: 8, completionTokens: 3 });
    const { usage, usageMetadata } = row.response as Record<string, unknown>;
    expect(usage ?? usageMetadata).toEqual(raw);
  },
);

test("a usage object in another format than the provider's is rebuilt, or Helicone would find no tokens in it", async () => {
  const raw = { prompt: 8, completion: 3 };

  const row = await stored({ usage: { input: 8, output: 3, source: "provider", raw } });

  expect(row).toMatchObject({ promptTokens: 8, completionTokens: 3 });
});

test("Claude at Bedrock, whose input is without its cache, is rebuilt, or Helicone would count too little", async () => {
  const raw = {
    input_tokens: 8,
    cache_read_input_tokens: 20,
    cache_creation_input_tokens: 4,
    output_tokens: 3,
  };
  const counts = { input: 8, cacheRead: 20, cacheWrite5m: 4, output: 3 };

  const row = await stored({ provider: "aws.bedrock", usage: { ...counts, source: "provider", raw } });

  expect(row).toMatchObject({ promptTokens: 32, completionTokens: 3, cacheReadTokens: 20 });
  expect(row.response).toMatchObject({ usage: { prompt_tokens_details: { cache_write_tokens: 4 } } });
});

test("what Gemini heard keeps its own count", async () => {
  const usage = { input: 8, audioInput: 5, output: 3, source: "provider" } as const;

  const row = await stored({ provider: "gcp.gemini", usage });

  expect(row).toMatchObject({ promptTokens: 13, completionTokens: 3 });
  expect(row.response).toMatchObject({
    usageMetadata: { promptTokensDetails: [{ modality: "AUDIO", tokenCount: 5 }] },
  });
});

test.each([
  ["groq", "CUSTOM", "groq"],
  ["azure.ai.openai", "OPENAI", "azure.ai.openai"],
  ["anthropic", "ANTHROPIC", undefined],
])(
  "%s keeps its name in a property where the worker's route has another's",
  async (provider, column, name) => {
    const row = await stored({ provider });

    expect(row.provider).toBe(column);
    expect(row.properties.provider).toBe(name);
  },
);

test("what no provider counted is absent, and never 0", async () => {
  const row = await stored({ usage: { output: 3, source: "provider" } });

  expect(row).not.toHaveProperty("promptTokens");
  expect((row.response as { usage: object }).usage).toEqual({ completion_tokens: 3, total_tokens: 3 });
});

test("a streamed run is sent without `stream`, for which Helicone would look for server-sent events", async () => {
  const params = { temperature: 0.5, stream: true, stream_options: { include_usage: true } };

  const row = await stored({
    request: { model: "m", input: [{ role: "user", content: "Hi" }], params, stream: true },
  });

  expect(row.request).toEqual({ model: "m", messages: [{ role: "user", content: "Hi" }], temperature: 0.5 });
  expect(row).toMatchObject({ completionTokens: 2, properties: { stream: "true" } });
});

test("several choices, tool calls and finish reasons are choices as OpenAI writes them", async () => {
  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  const output = [
    { role: "assistant", content: "A" },
    { role: "assistant", content: null, tool_calls: [call] },
  ];

  const row = await stored({ response: { output, finishReasons: ["stop", "tool_calls"] } });

  expect(row.response).toMatchObject({
    object: "chat.completion",
    created: 1_767_225_600,
    choices: [
      { index: 0, message: output[0], finish_reason: "stop" },
      { index: 1, message: output[1], finish_reason: "tool_calls" },
    ],
  });
});

test("items of a response, told by their shape where no operation is named, stay items", async () => {
  const output = [
    { type: "reasoning", id: "r", summary: [], encrypted_content: "sealed" },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi" }] },
  ];
  const { operation: _, ...run } = ended().run ?? { type: "llm" };
  const { server, send } = await setUp();

  await send({ ...ended(), run: { ...run, response: { output } } });

  expect(server.rows[0]).toMatchObject({
    url: "https://api.openai.com/v1/responses",
    request: { input: [{ role: "user", content: "Hello" }] },
    response: { object: "response", status: "completed", output: [{ type: "reasoning" }, output[1]] },
  });
  expect(JSON.stringify(server.rows)).not.toContain("sealed");
});

test("a completion has its prompt and its texts", async () => {
  const row = await stored({
    operation: "completion",
    request: { model: "m", input: "Say" },
    response: { output: ["one", "two"] },
  });

  expect(row).toMatchObject({ request: { model: "m", prompt: "Say" } });
  expect(row.response).toMatchObject({ choices: [{ text: "one" }, { index: 1, text: "two" }] });
});

test("a message of Anthropic's keeps its blocks, and loses the signatures of its thoughts", async () => {
  const output = [
    { type: "thinking", thinking: "hm", signature: "c2VhbGVk" },
    { type: "redacted_thinking", data: "c2VhbGVk" },
    { type: "text", text: "Hi" },
  ];

  const row = await stored({
    provider: "anthropic",
    request: {
      model: "claude",
      input: [{ role: "user", content: "Hi" }],
      params: { max_tokens: 9, system: "s" },
    },
    response: { id: "msg_1", model: "claude-1", output, finishReasons: ["end_turn"] },
    usage: { input: 1, output: 1, source: "provider" },
  });

  expect(row).toMatchObject({ model: "claude-1", request: { model: "claude", max_tokens: 9, system: "s" } });
  expect(row.response).toMatchObject({
    id: "msg_1",
    type: "message",
    content: [
      { type: "thinking", thinking: "hm" },
      { type: "redacted_thinking" },
      { type: "text", text: "Hi" },
    ],
    stop_reason: "end_turn",
  });
  expect(JSON.stringify(row)).not.toContain("c2VhbGVk");
});

test("Gemini's contents and candidates are made of messages, and Helicone finds the model that answered", async () => {
  const row = await stored({
    provider: "gcp.gemini",
    request: { model: "gemini-2", input: [{ role: "assistant", content: "Hi" }] },
    response: { model: "gemini-2-001", output: "Hello", finishReasons: ["STOP"] },
  });

  expect(row).toMatchObject({
    model: "gemini-2-001",
    url: "https://generativelanguage.googleapis.com/v1beta/models/gemini-2:generateContent",
    request: { contents: [{ role: "model", parts: [{ text: "Hi" }] }] },
  });
  expect(row.response).toMatchObject({
    candidates: [{ content: { role: "model", parts: [{ text: "Hello" }] }, index: 0, finishReason: "STOP" }],
    modelVersion: "gemini-2-001",
  });
});

test("Gemini's own contents, parts and candidates stay as they are", async () => {
  const parts = [{ text: "Hi" }, { functionCall: { name: "f", args: {} } }];
  const candidate = { content: { role: "model", parts }, finishReason: "STOP" };
  const input = [{ role: "user", parts: [{ text: "?" }] }];
  const run = { provider: "gcp.gemini", request: { model: "g", input } };
  const answers = [[candidate], { role: "model", parts }, parts].map((output) => ({
    ...run,
    response: { output },
  }));

  for (const answer of answers) {
    const row = await stored(answer);

    expect(row.request).toMatchObject({ contents: input });
    expect(row.response).toMatchObject({ candidates: [{ content: { role: "model", parts } }] });
  }
});

test("a request without a model, which would count as an assistant's for its metadata, has one all the same", async () => {
  const { name: _, ...run } = ended().run ?? { type: "llm" };
  const { server, send } = await setUp();

  await send({ ...ended(), run: { ...run, request: { input: "Hi", params: { metadata: { a: 1 } } } } });

  expect(server.rows[0]).toMatchObject({ model: "unknown", request: { metadata: { a: 1 } } });
});
