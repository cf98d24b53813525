import type { Json, Run } from "@sluice/sdk";
import { decodeJson } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { inputMessagesOf, outputMessagesOf, systemPartsOf } from "./messages.ts";

const text = (content: string) => ({ type: "text", content });
const call = (id: string, given: unknown = { q: 1 }) => ({
  type: "tool_call",
  id,
  name: "search",
  arguments: given,
});
const answer = (id: string, response: unknown) => ({ type: "tool_call_response", id, response });
const reasoning = (content: string) => ({ type: "reasoning", content });

test.each<[string, Json, unknown]>([
  ["a prompt", "Hi", [{ role: "user", parts: [text("Hi")] }]],
  ["several prompts", ["Hi", "Ho"], [{ role: "user", parts: [text("Hi"), text("Ho")] }]],
  ["a JSON value of nobody's form", { a: 1 }, [{ role: "user", parts: [text('{"a":1}')] }]],
  [
    "OpenAI's chat",
    [
      { role: "system", content: "Be brief." },
      { role: "user", name: "ann", content: [{ type: "text", text: "Look:" }] },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", function: { name: "search", arguments: '{"q":1}' } }],
      },
      { role: "tool", tool_call_id: "c1", content: "found" },
    ],
    [
      { role: "system", parts: [text("Be brief.")] },
      { role: "user", name: "ann", parts: [text("Look:")] },
      { role: "assistant", parts: [call("c1")] },
      { role: "tool", parts: [answer("c1", "found")] },
    ],
  ],
  [
    "OpenAI's pictures, sounds and files",
    [
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "https://x/y.png" } },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          { type: "input_audio", input_audio: { data: "BBBB", format: "wav" } },
          { type: "file", file: { file_id: "f1" } },
        ],
      },
    ],
    [
      {
        role: "user",
        parts: [
          { type: "uri", modality: "image", uri: "https://x/y.png" },
          { type: "blob", modality: "image", mime_type: "image/png", content: "AAAA" },
          { type: "blob", modality: "audio", mime_type: "audio/wav", content: "BBBB" },
          { type: "file", modality: "document", file_id: "f1" },
        ],
      },
    ],
  ],
  [
    "OpenAI's response items",
    [
      { role: "user", content: [{ type: "input_text", text: "Hi" }] },
      { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "x" },
      { type: "function_call", call_id: "c1", name: "search", arguments: '{"q":1}' },
      { type: "function_call_output", call_id: "c1", output: "found" },
    ],
    [
      { role: "user", parts: [text("Hi")] },
      { role: "assistant", parts: [reasoning("Hm.")] },
      { role: "assistant", parts: [call("c1")] },
      { role: "tool", parts: [answer("c1", "found")] },
    ],
  ],
  [
    "Anthropic's blocks, without signatures and sealed thoughts",
    [
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm.", signature: "sig" },
          { type: "redacted_thinking", data: "sealed" },
          { type: "tool_use", id: "c1", name: "search", input: { q: 1 } },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: "found" }] },
      {
        role: "user",
        content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }],
      },
    ],
    [
      { role: "assistant", parts: [reasoning("Hm."), call("c1")] },
      { role: "user", parts: [answer("c1", "found")] },
      {
        role: "user",
        parts: [{ type: "blob", modality: "image", mime_type: "image/png", content: "AAAA" }],
      },
    ],
  ],
  [
    "Gemini's contents, without signatures",
    {
      contents: [
        { role: "user", parts: [{ text: "Hi" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }] },
        {
          role: "model",
          parts: [
            { text: "Hm.", thought: true },
            { functionCall: { id: "c1", name: "search", args: { q: 1 } }, thoughtSignature: "sig" },
          ],
        },
        { role: "user", parts: [{ functionResponse: { id: "c1", response: { found: true } } }] },
      ],
    },
    [
      {
        role: "user",
        parts: [text("Hi"), { type: "blob", modality: "image", mime_type: "image/png", content: "AAAA" }],
      },
      { role: "assistant", parts: [reasoning("Hm."), call("c1")] },
      { role: "user", parts: [answer("c1", { found: true })] },
    ],
  ],
  [
    "a part of a type that nobody knows, as it is",
    [{ role: "user", content: [{ type: "hologram", size: 3, signature: "sig" }] }],
    [{ role: "user", parts: [{ type: "hologram", size: 3 }] }],
  ],
])("input is told in the conventions' form: %s", (_, input, messages) => {
  expect(JSON.parse(JSON.stringify(inputMessagesOf(input)))).toEqual(messages);
});

const run = (finishReasons?: readonly string[], status: Run["status"] = "ok"): Run => ({
  type: "llm",
  status,
  response: { ...(finishReasons && { finishReasons }) },
});

test.each<[string, Json, Run, unknown]>([
  ["a text", "Hi", run(), [{ role: "assistant", parts: [text("Hi")], finish_reason: "stop" }]],
  [
    "a message with thoughts and a call",
    {
      role: "assistant",
      content: "Hi",
      reasoning_content: "Hm.",
      tool_calls: [{ id: "c1", function: { name: "search", arguments: "{q:" } }],
    },
    run(["tool_calls"]),
    [
      {
        role: "assistant",
        parts: [reasoning("Hm."), text("Hi"), call("c1", "{q:")],
        finish_reason: "tool_call",
      },
    ],
  ],
  [
    "two choices",
    [
      { role: "assistant", content: "Hi" },
      { role: "assistant", content: "Ho", refusal: "No." },
    ],
    run(["stop", "max_tokens"]),
    [
      { role: "assistant", parts: [text("Hi")], finish_reason: "stop" },
      { role: "assistant", parts: [text("Ho"), text("No.")], finish_reason: "length" },
    ],
  ],
  [
    "the items of a response, which are one answer",
    [
      { type: "reasoning", summary: [] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi" }] },
      { type: "function_call", call_id: "c1", name: "search", arguments: "{}" },
    ],
    run(["completed"]),
    [{ role: "assistant", parts: [text("Hi"), call("c1", {})], finish_reason: "stop" }],
  ],
  [
    "Gemini's candidates",
    { candidates: [{ content: { role: "model", parts: [{ text: "Hi" }] }, finishReason: "STOP" }] },
    run(["STOP"]),
    [{ role: "assistant", parts: [text("Hi")], finish_reason: "stop" }],
  ],
  [
    "half an answer of a run that failed",
    { role: "assistant", content: "Half" },
    run(undefined, "error"),
    [{ role: "assistant", parts: [text("Half")], finish_reason: "error" }],
  ],
])("output is told in the conventions' form: %s", (_, output, of, messages) => {
  expect(JSON.parse(JSON.stringify(outputMessagesOf(of, output)))).toEqual(messages);
});

test("numbers in arguments keep their text", () => {
  const input = decodeJson(
    '[{"type":"function_call","call_id":"c","name":"n","arguments":"{\\"id\\":9007199254740993}"}]',
  );

  expect(JSON.stringify(inputMessagesOf(input))).toContain('"arguments":{"id":9007199254740993}');
});

test.each<[string, Json]>([
  ["system", [{ type: "text", text: "Be brief." }]],
  ["instructions", "Be brief."],
  ["systemInstruction", { parts: [{ text: "Be brief." }] }],
])("what stands apart from the conversation is the system's: %s", (name, value) => {
  expect(systemPartsOf({ type: "llm", request: { params: { [name]: value } } })).toEqual([text("Be brief.")]);
});

test.each([
  [
    "data:image/png;base64,AAAA",
    { type: "blob", modality: "image", mime_type: "image/png", content: "AAAA" },
  ],
  [
    "data:image/png;name=a;x=;base64,AA",
    { type: "blob", modality: "image", mime_type: "image/png", content: "AA" },
  ],
  ["data:;base64,AAAA", { type: "blob", modality: "image", content: "AAAA" }],
  ["data:image/png,AAAA", { type: "uri", modality: "image", uri: "data:image/png,AAAA" }],
])("the picture at %s is %o", (url, part) => {
  const content = [{ type: "image_url", image_url: { url } }];

  expect(inputMessagesOf([{ role: "user", content }])).toEqual([{ role: "user", parts: [part] }]);
});

test.each(["", ";", ";base64"])(
  "8 MB that begin like a picture, and hold %j over and over, cost no time",
  (piece) => {
    const url = `data:${`${piece}aaaaaaaa`.repeat(500_000)}`;
    const startedAtMs = performance.now();

    inputMessagesOf([{ role: "user", content: [{ type: "image_url", image_url: { url } }] }]);

    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  },
);
