import type { Json, JsonObject, Usage } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { mergeMessageUsage } from "../../packages/sdk/src/providers/usage/anthropic.ts";
import { usageOf } from "../../packages/sdk/src/providers/usage/usage.ts";
import { type RecordedAnswer, recordedAnswers, recordingsRoot } from "./recordings.ts";

const root = recordingsRoot();
if (root === undefined) console.warn("No recordings at ../shared/recordings: their usage is not read.");

/** What a provider's documentation says that its counts mean: told by the vendor, where we tell by the shape. */
const MEANINGS: Readonly<Record<string, (raw: JsonObject) => JsonObject>> = {
  "anthropic-messages": anthropic,
  "cohere-chat": cohere,
  "google-generate": generate,
  "google-interactions": interactions,
  "openai-responses": responses,
  "azure-responses": responses,
  "xai-responses": responses,
  "open-responses": responses,
  "xai-chat": chatWithReasoningBeside,
  "openai-compatible-chat": chatWithReasoningBeside,
};

/** Every recording whose counts contradict each other, and how. */
const FLAGGED: Readonly<Record<string, readonly string[]>> = {
  // The lifetimes of what was written stand at the beginning, and more was written after that.
  "anthropic-code-execution-20260120-prompt-cache.1/response.sse": ["details"],
  // One model did not answer, and another did; the usage is the second one's.
  "anthropic-fallback/response.json": ["iterations"],
  "anthropic-fallback/response.sse": ["iterations"],
  // Cohere bills without its own preamble.
  "cohere-citations/response.json": ["billed"],
  "cohere-empty-tool-call/response.sse": ["billed"],
  "cohere-null-args/response.json": ["billed"],
  "cohere-tool-call/response.json": ["billed"],
  "cohere-tool-call/response.sse": ["billed"],
};

describe.skipIf(root === undefined)("every recorded usage", () => {
  const said = root === undefined ? [] : recordedAnswers(root).flatMap(usagesOf);

  test("is read into exactly the buckets that its provider's documentation means", () => {
    const wrong = said.filter(({ api, raw }) => {
      const meant = (MEANINGS[api] ?? chat)(raw);
      return JSON.stringify(inOrder(meant)) !== JSON.stringify(inOrder(bucketsOf(usageOf(raw))));
    });

    expect(wrong).toEqual([]);
    expect(said.length).toBeGreaterThan(150);
  });

  test("adds up to the provider's total", () => {
    const totals = said.flatMap((one) => {
      const total = one.raw.total_tokens ?? one.raw.totalTokenCount;
      return total === undefined ? [] : [{ ...one, total, sum: sumOf(bucketsOf(usageOf(one.raw))) }];
    });

    expect(totals.filter(({ total, sum }) => total !== sum)).toEqual([]);
    expect(totals.length).toBeGreaterThan(80);
  });

  test("is flagged where its counts contradict each other, and nowhere else", () => {
    const flagged = said.flatMap(({ name, raw }) => {
      const flags = usageOf(raw)?.flags;
      return flags === undefined ? [] : [[name, flags] as const];
    });

    expect(Object.fromEntries(flagged)).toEqual(FLAGGED);
  });
});

interface Said extends Pick<RecordedAnswer, "api" | "name"> {
  readonly raw: JsonObject;
}

/** All usage objects of an answer, wherever it puts them; of a streamed message also what they are together. */
function usagesOf({ api, name, objects }: RecordedAnswer): readonly Said[] {
  const found = objects.flatMap((object) =>
    [object, ...["response", "message", "interaction", "delta", "x_groq"].map((member) => object[member])]
      .filter(isObject)
      .flatMap((holder) => [holder.usage, holder.usageMetadata])
      .filter(isObject),
  );
  if (api !== "anthropic-messages" || objects.length === 1) return found.map((raw) => ({ api, name, raw }));
  const messages: JsonObject[] = [];
  for (const object of objects) {
    if (isObject(object.message) && isObject(object.message.usage)) messages.push(object.message.usage);
    const so = mergeMessageUsage(messages.pop(), object.type === "message_delta" ? object.usage : undefined);
    if (so !== undefined) messages.push(so);
  }
  return [...found, ...messages].map((raw) => ({ api, name, raw }));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function chat(raw: JsonObject): JsonObject {
  const prompt = details(raw.prompt_tokens_details);
  const completion = details(raw.completion_tokens_details);
  const reasoning = completion.reasoning_tokens ?? raw.reasoning_tokens;
  const audioInput = prompt.audio_tokens ?? raw.audio_prompt_tokens;
  return {
    input: less(raw.prompt_tokens, prompt.cached_tokens, audioInput),
    cacheRead: prompt.cached_tokens,
    output: less(raw.completion_tokens, reasoning, completion.audio_tokens),
    reasoning,
    audioInput,
    audioOutput: completion.audio_tokens,
  };
}

function chatWithReasoningBeside(raw: JsonObject): JsonObject {
  return { ...chat(raw), output: raw.completion_tokens };
}

function responses(raw: JsonObject): JsonObject {
  const input = details(raw.input_tokens_details);
  const { reasoning_tokens: reasoning } = details(raw.output_tokens_details);
  return {
    input: less(raw.input_tokens, input.cached_tokens, input.cache_write_tokens),
    cacheRead: input.cached_tokens,
    cacheWrite5m: input.cache_write_tokens,
    output: less(raw.output_tokens, reasoning),
    reasoning,
  };
}

function anthropic(raw: JsonObject): JsonObject {
  const { ephemeral_1h_input_tokens: cacheWrite1h } = details(raw.cache_creation);
  const { thinking_tokens: reasoning } = details(raw.output_tokens_details);
  return {
    input: raw.input_tokens,
    cacheRead: raw.cache_read_input_tokens,
    cacheWrite5m: less(raw.cache_creation_input_tokens, cacheWrite1h),
    cacheWrite1h,
    output: less(raw.output_tokens, reasoning),
    reasoning,
  };
}

function generate(raw: JsonObject): JsonObject {
  return { input: raw.promptTokenCount, output: raw.candidatesTokenCount, reasoning: raw.thoughtsTokenCount };
}

function interactions(raw: JsonObject): JsonObject {
  return {
    input: less(raw.total_input_tokens, raw.total_cached_tokens),
    cacheRead: raw.total_cached_tokens,
    output: raw.total_output_tokens,
    reasoning: raw.total_thought_tokens,
  };
}

function cohere(raw: JsonObject): JsonObject {
  const tokens = details(raw.tokens);
  const cacheRead = raw.cached_tokens;
  return { input: less(tokens.input_tokens, cacheRead), cacheRead, output: tokens.output_tokens };
}

function details(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function less(whole: Json | undefined, ...parts: readonly (Json | undefined)[]): number | undefined {
  if (whole === undefined) return undefined;
  return parts.reduce<number>((left, part) => left - Number(part ?? 0), Number(whole));
}

function bucketsOf(usage: Usage | undefined): JsonObject {
  const { source: _source, raw: _raw, flags: _flags, ...buckets } = usage ?? { source: "provider" };
  return buckets;
}

function sumOf(buckets: JsonObject): number {
  return Object.values(buckets).reduce<number>((sum, count) => sum + Number(count), 0);
}

function inOrder(buckets: JsonObject): readonly (readonly [string, Json | undefined])[] {
  return Object.entries(buckets)
    .filter(([, count]) => count !== undefined)
    .sort(([one], [other]) => one.localeCompare(other));
}
