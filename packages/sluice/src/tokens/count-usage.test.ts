import type { Json, JsonObject, Run } from "@sluice/sdk";
import { expect, test } from "vitest";
import { countUsage } from "./count-usage.ts";
import { toolText } from "./tool-text.ts";

const HELLO = [{ role: "user", content: "Hello" }];

test("what the provider counted is taken as it is", () => {
  const usage = { input: 1, source: "provider" } as const;

  expect(countUsage(chat("gpt-4o", HELLO, { usage }))).toBe(usage);
});

test("a chat of texts is counted with its frame: three a message, its role, three for the answer", () => {
  expect(countUsage(chat("gpt-4o", HELLO))).toEqual({ input: 8, source: "counted" });
  expect(countUsage(chat("gpt-4o", [{ ...HELLO[0], name: "Ann" }]))).toEqual({
    input: 10,
    source: "counted",
  });
  expect(countUsage(chat("gpt-4o", [{ role: "user", content: [{ type: "text", text: "Hello" }] }]))).toEqual({
    input: 8,
    source: "counted",
  });
});

test("a stream that was interrupted is counted as far as it came", () => {
  const response = { output: { role: "assistant", content: "Hello there" } };

  const usage = countUsage(chat("gpt-4o", HELLO, { response, status: "cancelled" }));

  expect(usage).toEqual({ input: 8, output: 2, source: "counted" });
});

test.each([
  "claude-opus-4-1",
  "gemini-3-pro",
  "llama3.2",
  "gpt-5",
  "o3-mini",
  "gpt-oss-20b",
  "constructor",
  undefined,
])("of %s, whose encoding is its own or whose thoughts are hidden, the count is estimated", (model) => {
  const usage = countUsage(chat(model, HELLO));

  expect(usage).toEqual({ input: 8, source: "estimated" });
});

test.each(["gpt-4o-mini", "azure/gpt-4.1", "ft:gpt-4o:us::x", "gpt-4-0613", "gpt-35-turbo"])(
  "of %s it is exact",
  (model) => {
    expect(countUsage(chat(model, HELLO))?.source).toBe("counted");
  },
);

test("whatever is not text makes it an estimate, and is never counted as its bytes", () => {
  const picture = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(10_000)}` } };
  const said: readonly JsonObject[] = [
    { role: "user", content: [{ type: "text", text: "Hello" }, picture] },
    { role: "user", content: "Hello", type: "reasoning" },
  ];

  for (const message of said) {
    const usage = countUsage(chat("gpt-4o", [message]));
    expect(usage?.source).toBe("estimated");
    expect(usage?.input).toBeLessThan(2_000);
  }
  expect(countUsage(chat("gpt-4o", HELLO, { truncated: { requestBytes: 9 } }))?.source).toBe("estimated");
});

test("Anthropic's system, thoughts, calls and their results are counted, as an estimate", () => {
  const said: readonly JsonObject[] = [
    { role: "user", content: "Hello" },
    { role: "assistant", content: [{ type: "thinking", thinking: "Hello there" }] },
    { role: "assistant", content: [{ type: "tool_use", name: "search", input: { q: "Hello" } }] },
    { role: "user", content: [{ type: "tool_result", content: [{ type: "text", text: "Hello" }] }] },
  ];
  const tokens = said.map((message) => countUsage(chat("claude-opus-4-1", [message]))?.input);

  // A frame of seven (three, the role, three for the answer), and what is said: a call has seven more around it.
  expect(tokens).toEqual([8, 9, 20, 8]);
  const { request, ...run } = chat("claude-opus-4-1", HELLO);
  const params = { system: [{ type: "text", text: "Hello there" }] };
  expect(countUsage({ ...run, request: { ...request, params } })).toEqual({ input: 14, source: "estimated" });
});

test("a picture counts as published, as chats and as responses name it", () => {
  const url = "https://example.com/a.png";
  const parts = [
    { type: "image_url", image_url: { url, detail: "low" } },
    { type: "input_image", image_url: url, detail: "low" },
  ];

  const usages = parts.map((part) => countUsage(chat("gpt-4o", [{ role: "user", content: [part] }])));

  for (const usage of usages) expect(usage).toEqual({ input: 7 + 85, source: "estimated" });
});

test("where there is nothing to count, or the model was not reached, there is no usage", () => {
  expect(countUsage({ type: "llm" })).toBeUndefined();
  expect(countUsage({ type: "tool", request: { input: "Hello" } })).toBeUndefined();
  expect(countUsage(chat("gpt-4o", HELLO, { status: "error" }))).toBeUndefined();
});

test("an embedding's input is its text, its texts, or its tokens", () => {
  const inputs: readonly Json[] = ["Hello", ["Hello"], [9906], [[9906]]];

  for (const input of inputs) {
    const run = {
      type: "embedding",
      operation: "embeddings",
      request: { model: "text-embedding-3-small", input },
    };
    expect(countUsage(run)).toEqual({ input: 1, source: "counted" });
  }
});

test("no JSON that somebody may send makes it throw", () => {
  const odd: readonly Json[] = [
    null,
    7,
    true,
    {},
    [],
    [null, 7, "x", [[]], { content: 7, tool_calls: [null] }],
  ];

  for (const input of odd) {
    for (const operation of ["chat", "completion", "embeddings", "responses", "other"]) {
      const params = { tools: input, functions: input, instructions: input };
      countUsage({ type: "llm", operation, request: { input, params }, response: { output: input } });
    }
  }
});

test("functions are shown to the model as types, with descriptions where it sees them", () => {
  const place = { type: "object", properties: { city: { type: "string", description: "Hidden." } } };
  const properties = {
    unit: { type: "string", enum: ["c", "f"], description: "The unit." },
    days: { type: "array", items: { type: "integer" } },
    place,
  };

  const text = toolText([
    { name: "now" },
    { name: "weather", description: "It tells.", parameters: { properties, required: ["unit"] } },
  ]);

  expect(text.split("\n")).toEqual([
    ...["namespace functions {", "", "type now = () => any;", ""],
    ...["// It tells.", "type weather = (_: {", "// The unit.", `unit: "c" | "f",`, "days?: number[],"],
    ...["place?: {", "  city?: string,", "},", "}) => any;", "", "} // namespace functions"],
  ]);
});

function chat(model: string | undefined, input: Json, more: Partial<Run> = {}): Run {
  return { type: "llm", operation: "chat", request: { ...(model && { model }), input }, ...more };
}
