import { expect, test } from "vitest";
import type { Reading } from "../provider.ts";
import { openResponsesStream } from "./responses-stream.ts";

function event(type: string, rest: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}

function read(text: string, charsMax = 1_000_000): Reading {
  const stream = openResponsesStream(charsMax);
  stream.feed(text);
  return stream.end();
}

const CREATED = event("response.created", {
  response: { id: "r-1", model: "m-1", status: "in_progress", output: [] },
});
const TEXT = { item_id: "i", output_index: 1, content_index: 0 };
const BEGUN =
  CREATED +
  event("response.output_item.done", { output_index: 0, item: { type: "reasoning", id: "rs" } }) +
  event("response.output_item.added", {
    output_index: 1,
    item: { type: "message", role: "assistant", content: [] },
  }) +
  event("response.output_text.delta", { ...TEXT, delta: "Hel" }) +
  event("response.output_text.delta", { ...TEXT, delta: "lo" });

test("a stream that breaks off is put together from its items and deltas", () => {
  const text =
    BEGUN +
    event("response.output_item.added", {
      output_index: 2,
      item: { type: "function_call", call_id: "c", name: "f", arguments: "" },
    }) +
    event("response.function_call_arguments.delta", { output_index: 2, delta: '{"a"' });

  const reading = read(text);

  expect(reading).toMatchObject({ isComplete: false, response: { id: "r-1", model: "m-1" } });
  expect(reading.response?.output).toEqual([
    { type: "reasoning", id: "rs" },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "Hello" }] },
    { type: "function_call", call_id: "c", name: "f", arguments: '{"a"' },
  ]);
  expect(reading.toolCalls).toEqual([{ id: "c", name: "f", arguments: '{"a"' }]);
});

test.each([
  ["completed", { status: "completed" }, "completed"],
  [
    "incomplete",
    { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
    "max_output_tokens",
  ],
])("response.%s is the whole answer", (name, rest, finishReason) => {
  const response = {
    id: "r-1",
    model: "m-1",
    output: [{ type: "message" }],
    usage: { input_tokens: 2, output_tokens: 1 },
    ...rest,
  };

  const reading = read(BEGUN + event(`response.${name}`, { response }));

  expect(reading).toMatchObject({
    isComplete: true,
    response: { output: [{ type: "message" }], finishReasons: [finishReason] },
    usage: { input: 2, output: 1 },
  });
  expect(reading.error).toBeUndefined();
});

test.each([
  [
    "response.failed",
    event("response.failed", {
      response: { status: "failed", error: { code: "server_error", message: "oh" }, output: [] },
    }),
  ],
  ["an error event", event("error", { code: "server_error", message: "oh", param: null })],
  ["an error object", `data: ${JSON.stringify({ error: { code: "server_error", message: "oh" } })}\n\n`],
])("%s is an error with its words", (_, text) => {
  expect(read(BEGUN + text).error).toEqual({ message: "oh", code: "server_error" });
});

test("types are found without an event field too", () => {
  const response = {
    id: "r-1",
    output: [],
    status: "completed",
    usage: { input_tokens: 1, output_tokens: 1 },
  };

  const reading = read(
    `data: ${JSON.stringify({ response, sequence_number: 1, type: "response.completed" })}\n\n`,
  );

  expect(reading).toMatchObject({ isComplete: true, usage: { input: 1 } });
});

test("the last event may be too long to keep: its usage counts all the same", () => {
  const output = [{ type: "message", content: [{ type: "output_text", text: "y".repeat(5 * 1024 * 1024) }] }];
  const response = { id: "r-1", output, status: "completed", usage: { input_tokens: 1, output_tokens: 9 } };

  const reading = read(BEGUN + event("response.completed", { response }));

  expect(reading).toMatchObject({ isComplete: true, isCut: true, usage: { output: 9 } });
  expect(JSON.stringify(reading.response?.output)).toContain("Hello");
});
