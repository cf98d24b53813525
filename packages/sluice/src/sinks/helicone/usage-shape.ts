import type { Json, JsonObject, Usage } from "@sluice/sdk";
import { completionTokensOf, numberOf, promptTokensOf, totalOf } from "@sluice/sdk/internal";
import type { WireFormat } from "./provider.ts";

/** Which of OpenAI's names its counts have. */
export type OpenaiUsage = "chat" | "responses";

/** Where Helicone's parser for a format finds both counts, in one member or spread over several. */
const READ_FROM: Readonly<
  Record<WireFormat, { readonly prompt: readonly string[]; readonly completion: readonly string[] }>
> = {
  openai: {
    prompt: ["prompt_tokens", "input_tokens"],
    completion: ["completion_tokens", "output_tokens"],
  },
  anthropic: {
    prompt: ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"],
    completion: ["output_tokens"],
  },
  google: { prompt: ["promptTokenCount"], completion: ["candidatesTokenCount", "thoughtsTokenCount"] },
};

/**
 * A call's usage in its provider's own keys, because that is what Helicone reads: the provider's own object
 * where its parser finds in it all that is known, else made of the buckets. What is not known is absent.
 */
export function usageInShapeOf(
  format: WireFormat,
  usage: Usage | undefined,
  names: OpenaiUsage,
): JsonObject | undefined {
  if (!usage) return undefined;
  if (usage.raw && saysAll(usage.raw, usage, format)) return usage.raw;
  switch (format) {
    case "openai":
      return openaiUsage(usage, names);
    case "anthropic":
      return anthropicUsage(usage);
    case "google":
      return googleUsage(usage);
  }
}

/**
 * Another's format has its counts elsewhere, or only one of them here (LM Studio). And some mean less by the
 * same names: xAI's completion is without its reasoning, the input of Claude at Bedrock without its cache.
 */
function saysAll(raw: JsonObject, usage: Usage, format: WireFormat): boolean {
  const { prompt, completion } = READ_FROM[format];
  const says = (keys: readonly string[], known: number | undefined) => {
    const said = totalOf(...keys.map((key) => raw[key]));
    return known === undefined || (said !== undefined && said >= known);
  };
  return says(prompt, promptTokensOf(usage)) && says(completion, completionTokensOf(usage));
}

/** Totals, and what of them was cached, thought or heard. */
function openaiUsage(usage: Usage, names: OpenaiUsage): JsonObject | undefined {
  const isChat = names === "chat";
  const prompt = promptTokensOf(usage);
  const completion = completionTokensOf(usage);
  return known({
    [isChat ? "prompt_tokens" : "input_tokens"]: prompt,
    [isChat ? "completion_tokens" : "output_tokens"]: completion,
    total_tokens: totalOf(prompt, completion),
    [isChat ? "prompt_tokens_details" : "input_tokens_details"]: known({
      cached_tokens: numberOf(usage.cacheRead),
      cache_write_tokens: totalOf(usage.cacheWrite5m, usage.cacheWrite1h),
      audio_tokens: numberOf(usage.audioInput),
    }),
    [isChat ? "completion_tokens_details" : "output_tokens_details"]: known({
      reasoning_tokens: numberOf(usage.reasoning),
      audio_tokens: numberOf(usage.audioOutput),
    }),
  });
}

/** Its input is without what the cache read and wrote. */
function anthropicUsage(usage: Usage): JsonObject | undefined {
  const reasoning = numberOf(usage.reasoning);
  return known({
    input_tokens: totalOf(usage.input, usage.audioInput),
    cache_read_input_tokens: numberOf(usage.cacheRead),
    cache_creation_input_tokens: totalOf(usage.cacheWrite5m, usage.cacheWrite1h),
    cache_creation: known({
      ephemeral_5m_input_tokens: numberOf(usage.cacheWrite5m),
      ephemeral_1h_input_tokens: numberOf(usage.cacheWrite1h),
    }),
    output_tokens: completionTokensOf(usage),
    ...(reasoning !== undefined && { output_tokens_details: { thinking_tokens: reasoning } }),
  });
}

/** The cache is part of its prompt; thoughts stand beside the answer. */
function googleUsage(usage: Usage): JsonObject | undefined {
  const prompt = promptTokensOf(usage);
  return known({
    promptTokenCount: prompt,
    cachedContentTokenCount: numberOf(usage.cacheRead),
    ...(usage.audioInput && { promptTokensDetails: [heard(usage.audioInput)] }),
    candidatesTokenCount: totalOf(usage.output, usage.audioOutput),
    ...(usage.audioOutput && { candidatesTokensDetails: [heard(usage.audioOutput)] }),
    thoughtsTokenCount: numberOf(usage.reasoning),
    totalTokenCount: totalOf(prompt, completionTokensOf(usage)),
  });
}

function heard(tokenCount: number): JsonObject {
  return { modality: "AUDIO", tokenCount };
}

function known(members: Readonly<Record<string, Json | undefined>>): JsonObject | undefined {
  const there = Object.entries(members).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : Object.fromEntries(there);
}
