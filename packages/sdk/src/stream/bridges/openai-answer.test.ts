import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { StreamEvent } from "../../event/dialects/stream/stream-event.ts";
import { createSseSplitter } from "../../providers/sse.ts";
import { OpenAIAnswer } from "./openai-answer.ts";

const EXCHANGES = join(import.meta.dirname, "../../../../../test/fixtures/exchanges");

/** Each event as its type and what it says. */
function told({ type, data }: StreamEvent): unknown[] {
  return [type, ...Object.values(data)];
}

function read(chunks: readonly unknown[]): unknown[][] {
  const answer = new OpenAIAnswer("stream-1");
  const events = chunks.flatMap((chunk) => answer.read(chunk));
  return [...events, ...answer.end()].map(told);
}

function recorded(name: string): unknown[] {
  const chunks: unknown[] = [];
  const splitter = createSseSplitter({
    onEvent: ({ data }) => void (data === "[DONE]" || chunks.push(JSON.parse(data))),
  });
  splitter.feed(readFileSync(join(EXCHANGES, name, "response.sse"), "utf8"));
  splitter.end();
  return chunks;
}

function textOf(events: readonly unknown[][]): string {
  return events.flatMap(([type, text]) => (type === "TextDelta" ? [text] : [])).join("");
}

function chunk(choice: object, rest: object = {}): object {
  return { id: "c-1", object: "chat.completion.chunk", choices: [{ index: 0, ...choice }], ...rest };
}

test("a chat completion becomes its events in the order of an answer, with the provider's own counts", () => {
  const events = read(recorded("chat-stream-usage"));

  const types = events.map(([type]) => type);
  const deltas = types.filter((type) => type === "TextDelta");
  expect(types).toEqual(["MessageStart", "ContentStart", ...deltas, "ContentEnd", "Usage", "MessageStop"]);
  expect(events[0]).toEqual(["MessageStart", "chatcmpl-s1"]);
  expect(events.at(-2)).toEqual(["Usage", ...usageOf(recorded("chat-stream-usage"))]);
  expect(events.at(-1)).toEqual(["MessageStop", "chatcmpl-s1", "stop"]);
  expect(textOf(events)).toBe(contentOf(recorded("chat-stream-usage")));
});

function usageOf(chunks: readonly unknown[]): unknown[] {
  const { usage } = chunks.at(-1) as { usage: Record<string, number> };
  return [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens];
}

function contentOf(chunks: readonly unknown[]): string {
  return chunks
    .flatMap((chunk) => (chunk as { choices: { delta: { content?: string } }[] }).choices)
    .map(({ delta }) => delta.content ?? "")
    .join("");
}

test("an answer of tool calls has no block, and says why it stopped", () => {
  expect(read(recorded("chat-stream-tools")).filter(([type]) => type !== "Usage")).toEqual([
    ["MessageStart", expect.stringMatching(/^chatcmpl/)],
    ["MessageStop", expect.stringMatching(/^chatcmpl/), "tool_calls"],
  ]);
});

test("choices that come interleaved are blocks, and a delta names its block if it is not the newest", () => {
  const events = read([
    chunk({ index: 0, delta: { content: "a" } }),
    chunk({ index: 1, delta: { content: "x" } }),
    chunk({ index: 0, delta: { content: "b" } }),
    chunk({ index: 1, delta: { content: "y" } }),
    chunk({ index: 1, delta: {}, finish_reason: "stop" }),
    chunk({ index: 0, delta: {}, finish_reason: "length" }),
  ]);

  expect(events).toEqual([
    ["MessageStart", "c-1"],
    ["ContentStart", 0],
    ["TextDelta", "a"],
    ["ContentStart", 1],
    ["TextDelta", "x"],
    ["TextDelta", "b", 0],
    ["TextDelta", "y"],
    ["ContentEnd", 1],
    ["ContentEnd", 0],
    ["MessageStop", "c-1", "length"],
  ]);
});

test("thoughts of a compatible server are Thinking, and a refusal is text", () => {
  const events = read([
    chunk({ delta: { role: "assistant", content: "", reasoning_content: "hm" } }),
    chunk({ delta: { reasoning: "so" } }),
    chunk({ delta: { refusal: "I cannot." } }),
    chunk({ delta: {}, finish_reason: "content_filter" }),
  ]);

  expect(events).toEqual([
    ["MessageStart", "c-1"],
    ["ContentStart", 0],
    ["Thinking", "hm"],
    ["Thinking", "so"],
    ["TextDelta", "I cannot."],
    ["ContentEnd", 0],
    ["MessageStop", "c-1", "content_filter"],
  ]);
});

test("a response becomes its events, each part of an item a block", () => {
  const events = read(recorded("responses-stream"));

  const types = events.map(([type]) => type);
  const deltas = types.filter((type) => type === "TextDelta");
  expect(deltas).toHaveLength(10);
  expect(types).toEqual(["MessageStart", "ContentStart", ...deltas, "ContentEnd", "Usage", "MessageStop"]);
  expect(events[0]).toEqual(["MessageStart", "resp_1"]);
  expect(events.at(-1)).toEqual(["MessageStop", "resp_1", "completed"]);
});

test("a response's thoughts, summaries, texts and refusals are blocks of their own", () => {
  const delta = (type: string, output_index: number, part: object, text: string) => ({
    type: `response.${type}.delta`,
    output_index,
    ...part,
    delta: text,
  });
  const events = read([
    { type: "response.created", response: { id: "r-1" } },
    delta("reasoning_summary_text", 0, { summary_index: 0 }, "first"),
    delta("reasoning_summary_text", 0, { summary_index: 1 }, "second"),
    { type: "response.output_item.done", output_index: 0 },
    delta("reasoning_text", 1, { content_index: 0 }, "raw"),
    delta("output_text", 2, { content_index: 0 }, "Hello"),
    delta("refusal", 2, { content_index: 1 }, "no"),
    delta("function_call_arguments", 3, {}, "{}"),
    {
      type: "response.incomplete",
      response: {
        incomplete_details: { reason: "max_output_tokens" },
        usage: { input_tokens: 3, output_tokens: 4 },
      },
    },
  ]);

  expect(events).toEqual([
    ["MessageStart", "r-1"],
    ["ContentStart", 0],
    ["Thinking", "first"],
    ["ContentEnd", 0],
    ["ContentStart", 1],
    ["Thinking", "second"],
    ["ContentEnd", 1],
    ["ContentStart", 2],
    ["Thinking", "raw"],
    ["ContentStart", 3],
    ["TextDelta", "Hello"],
    ["ContentEnd", 3],
    ["ContentStart", 4],
    ["TextDelta", "no"],
    ["ContentEnd", 2],
    ["ContentEnd", 4],
    ["Usage", 3, 4, 7],
    ["MessageStop", "r-1", "max_output_tokens"],
  ]);
});

test.each([
  [
    "a failed response",
    { type: "response.failed", response: { error: { message: "overloaded" } } },
    "overloaded",
  ],
  ["an error in a response", { type: "error", code: "x", message: "bad" }, "bad"],
  ["an error in a completion", { error: { message: "worse", type: "server_error" } }, "worse"],
])("%s is an Error, the last event", (_name, last, message) => {
  const events = read([
    { type: "response.created", response: { id: "r-1" } },
    last,
    chunk({ delta: { content: "x" } }),
  ]);

  expect(events).toEqual([
    ["MessageStart", "r-1"],
    ["Error", message],
  ]);
});

test("an answer that just stops is no MessageStop", () => {
  expect(read([chunk({ delta: { content: "Hel" } })])).toEqual([
    ["MessageStart", "c-1"],
    ["ContentStart", 0],
    ["TextDelta", "Hel"],
    ["Error", "The answer ended before it was complete."],
  ]);
  const oneOfTwo = [
    chunk({ delta: { content: "x" } }),
    chunk({ index: 1, delta: {}, finish_reason: "stop" }),
  ];
  expect(read(oneOfTwo).at(-1)).toEqual(["Error", "The answer ended before it was complete."]);
  expect(read([])).toEqual([["Error", "The answer ended before it was complete."]]);
});

test("a count that the provider did not give is not there, and one of 0 is", () => {
  const usageFrom = (usage: unknown) =>
    read([chunk({ delta: {}, finish_reason: "stop" }, { usage })]).filter(([type]) => type === "Usage");

  expect(usageFrom(undefined)).toEqual([]);
  expect(usageFrom(null)).toEqual([]);
  expect(usageFrom({ prompt_tokens: "3" })).toEqual([]);
  expect(usageFrom({ prompt_tokens: 3 })).toEqual([["Usage", 3]]);
  expect(usageFrom({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 })).toEqual([
    ["Usage", 0, 0, 0],
  ]);
});

test("a server without ids, or with an empty one first, gets the id that is known", () => {
  const first = { id: "", choices: [], prompt_filter_results: [] };
  const stop = { delta: { content: "x" }, finish_reason: "stop" };

  expect(read([first, chunk(stop)])[0]).toEqual(["MessageStart", "c-1"]);
  expect(read([first, chunk(stop, { id: undefined })])[0]).toEqual(["MessageStart", "stream-1"]);
});

test("a chunk of whatever form says nothing and throws nothing", () => {
  const strange = [
    null,
    1,
    "x",
    [],
    {},
    { choices: [null, 3, { delta: 4 }] },
    { type: "response.x" },
    { type: 5 },
  ];

  const answer = new OpenAIAnswer("stream-1");

  expect(strange.flatMap((chunk) => answer.read(chunk))).toEqual([]);
});
