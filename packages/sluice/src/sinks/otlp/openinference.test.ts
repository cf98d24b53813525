import type { Event, Run } from "@sluice/sdk";
import { expect, test } from "vitest";
import { llmRun } from "../../testing/outgoing.ts";
import { openinference } from "./openinference.ts";
import { PROFILES } from "./profiles.ts";

function attributesOf(run: Partial<Run>, event: Partial<Event> = {}, content = true) {
  const base = llmRun(event);
  const whole: Run = { type: "llm", ...base.run, ...run };
  return openinference({ content })({ ...base, run: whole }, whole);
}

test("Phoenix reads a call in OpenInference's names, messages spread over attributes", () => {
  const attributes = attributesOf(
    {
      request: {
        model: "gpt-5",
        input: [
          { role: "user", content: "Where?" },
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "c1", function: { name: "map", arguments: "{}" } }],
          },
          { role: "tool", tool_call_id: "c1", content: "here" },
          {
            role: "user",
            content: [
              { type: "text", text: "Look:" },
              { type: "image_url", image_url: { url: "https://x/y.png" } },
            ],
          },
        ],
        params: { temperature: 0.5, system: "secret", tools: [{ name: "map" }] },
      },
      response: {
        model: "gpt-5-2026",
        output: { role: "assistant", content: "Here.", reasoning_content: "Hm." },
      },
      usage: { input: 60, cacheRead: 40, cacheWrite5m: 1, output: 7, reasoning: 5, source: "provider" },
      cost: { totalUsd: 3, inputUsd: 1, outputUsd: 2, prices: "table" },
    },
    { metadata: { a: { b: 1 } }, tags: ["t"] },
  );

  expect(attributes).toEqual({
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-5-2026",
    "llm.provider": "openai",
    "llm.invocation_parameters": '{"temperature":0.5}',
    "llm.token_count.prompt": 101,
    "llm.token_count.completion": 12,
    "llm.token_count.total": 113,
    "llm.token_count.prompt_details.cache_read": 40,
    "llm.token_count.prompt_details.cache_write": 1,
    "llm.token_count.completion_details.reasoning": 5,
    "llm.cost.prompt": 1,
    "llm.cost.completion": 2,
    "llm.cost.total": 3,
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "Where?",
    "llm.input_messages.1.message.role": "assistant",
    "llm.input_messages.1.message.tool_calls.0.tool_call.id": "c1",
    "llm.input_messages.1.message.tool_calls.0.tool_call.function.name": "map",
    "llm.input_messages.1.message.tool_calls.0.tool_call.function.arguments": "{}",
    "llm.input_messages.2.message.role": "tool",
    "llm.input_messages.2.message.tool_call_id": "c1",
    "llm.input_messages.2.message.content": "here",
    "llm.input_messages.3.message.role": "user",
    "llm.input_messages.3.message.contents.0.message_content.type": "text",
    "llm.input_messages.3.message.contents.0.message_content.text": "Look:",
    "llm.input_messages.3.message.contents.1.message_content.type": "image",
    "llm.input_messages.3.message.contents.1.message_content.image.image.url": "https://x/y.png",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.contents.0.message_content.type": "reasoning",
    "llm.output_messages.0.message.contents.0.message_content.text": "Hm.",
    "llm.output_messages.0.message.contents.1.message_content.type": "text",
    "llm.output_messages.0.message.contents.1.message_content.text": "Here.",
    "llm.tools.0.tool.json_schema": '{"name":"map"}',
    "input.value": expect.stringContaining('"content":"Where?"'),
    "input.mime_type": "application/json",
    "output.value": expect.stringContaining('"content":"Here."'),
    "output.mime_type": "application/json",
    metadata: '{"a":{"b":1}}',
    "tag.tags": ["t"],
  });
});

test("without content nothing that was said is in OpenInference's names either", () => {
  const said = {
    request: { input: "secret", params: { system: "secret", n: 1 } },
    response: { output: "secret" },
  };

  expect(JSON.stringify(attributesOf(said, {}, false))).not.toContain("secret");
});

test.each<[Run["type"], string]>([
  ["embedding", "EMBEDDING"],
  ["retriever", "RETRIEVER"],
  ["tool", "TOOL"],
  ["agent", "AGENT"],
  ["chain", "CHAIN"],
  ["reranker", "RERANKER"],
  ["constructor", "CHAIN"],
])("a run of type %s is of the kind %s", (type, kind) => {
  expect(attributesOf({ type })).toMatchObject({ "openinference.span.kind": kind });
});

test("a retriever's documents are spread, with their scores", () => {
  const output = [{ id: "d1", score: 0.9, text: "fox" }, "hare"];

  expect(
    attributesOf({ type: "retriever", request: { input: "animals" }, response: { output } }),
  ).toMatchObject({
    "input.value": "animals",
    "input.mime_type": "text/plain",
    "retrieval.documents.0.document.id": "d1",
    "retrieval.documents.0.document.score": 0.9,
    "retrieval.documents.0.document.content": "fox",
    "retrieval.documents.1.document.content": "hare",
  });
});

test.each(["llm", "agent", "chain", "tool", "retriever"])(
  "signatures of thoughts are in no attribute of a run of type %s",
  (type) => {
    const thoughts = [{ type: "thinking", thinking: "hm", signature: "c2VhbGVk" }];
    const input = [{ role: "assistant", content: thoughts }];
    const event = llmRun({
      run: { ...llmRun().run, type, request: { input }, response: { output: thoughts } },
    });

    const attributes = JSON.stringify(PROFILES.openinference({ content: true })(event, event.run));

    expect(attributes).toContain("hm");
    expect(attributes).not.toContain("c2VhbGVk");
  },
);

test("the profile stands beside the conventions, and takes nothing away from them", () => {
  const event = llmRun({ session: { id: "s" }, scope: { kind: "user", id: "ann" } });

  const [base, both] = [PROFILES.semconv, PROFILES.openinference].map((of) =>
    of({ content: true })(event, event.run),
  );

  expect(both).toMatchObject({
    ...base,
    "session.id": "s",
    "user.id": "ann",
    "openinference.span.kind": "LLM",
  });
});
