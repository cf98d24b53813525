import type { Cost, JsonObject, Usage } from "@sluice/sdk";
import { usageOf } from "../../packages/sdk/src/providers/usage/usage.ts";

/** One run of the comparison: what its provider said of it, and what that costs, worked out by hand. */
export interface MixedRun {
  readonly name: string;
  readonly type: "llm" | "embedding";
  readonly operation: string;
  readonly provider: string;
  readonly model: string;
  readonly answered: string | undefined;
  readonly startTime: string;
  readonly usage: Usage | undefined;
  /** The sender's own. */
  readonly cost: Cost | undefined;
  /** Each count times its price in dollars for a million; undefined: nobody knows. */
  readonly usd: number | undefined;
}

interface Given {
  readonly raw?: JsonObject;
  readonly type?: "llm" | "embedding";
  readonly operation?: string;
  readonly answered?: string;
  readonly startTime?: string;
  readonly usage?: Usage;
  readonly cost?: Cost;
  readonly perMillion?: number;
}

const MILLION = 1e6;
/** The prices of DeepSeek depend on the hour, too. */
export const MIXED_STARTED = "2026-11-20T05:00:00.000Z";

export const MIXED_RUNS: readonly MixedRun[] = [
  one("OpenAI chat, some cached and some thought", "openai", "gpt-5", {
    raw: {
      prompt_tokens: 1300,
      completion_tokens: 90,
      total_tokens: 1390,
      prompt_tokens_details: { cached_tokens: 1024, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 64, audio_tokens: 0 },
    },
    perMillion: 276 * 1.25 + 1024 * 0.125 + 90 * 10,
  }),
  one("OpenAI responses", "openai", "o3", {
    operation: "responses",
    raw: {
      input_tokens: 900,
      input_tokens_details: { cached_tokens: 256 },
      output_tokens: 150,
      output_tokens_details: { reasoning_tokens: 128 },
      total_tokens: 1050,
    },
    perMillion: 644 * 2 + 256 * 0.5 + 150 * 8,
  }),
  one("an older model by the prices of its day", "openai", "o3", {
    startTime: "2025-05-01T05:00:00.000Z",
    raw: { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 },
    perMillion: 1000 * 10 + 500 * 40,
  }),
  one("OpenAI with what was heard and said", "openai", "gpt-realtime", {
    raw: {
      prompt_tokens: 500,
      completion_tokens: 70,
      total_tokens: 570,
      prompt_tokens_details: { cached_tokens: 100, text_tokens: 300, audio_tokens: 200 },
      completion_tokens_details: { text_tokens: 20, audio_tokens: 50 },
    },
    perMillion: 200 * 4 + 100 * 0.4 + 200 * 32 + 20 * 16 + 50 * 64,
  }),
  one("OpenAI embeddings", "openai", "text-embedding-3-small", {
    type: "embedding",
    operation: "embeddings",
    raw: { prompt_tokens: 2100, total_tokens: 2100 },
    perMillion: 2100 * 0.02,
  }),
  one("Anthropic's cache, read and written for both lifetimes", "anthropic", "claude-sonnet-4-5", {
    raw: {
      input_tokens: 12,
      cache_creation_input_tokens: 3000,
      cache_read_input_tokens: 5000,
      cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 2000 },
      output_tokens: 90,
      service_tier: "standard",
    },
    perMillion: 12 * 3 + 5000 * 0.3 + 1000 * 3.75 + 2000 * 6 + 90 * 15,
  }),
  one("Anthropic with thoughts, written for no told lifetime", "anthropic", "claude-opus-4-5", {
    raw: {
      input_tokens: 12,
      cache_creation_input_tokens: 400,
      cache_read_input_tokens: 0,
      output_tokens: 90,
      output_tokens_details: { thinking_tokens: 60 },
    },
    perMillion: 12 * 5 + 400 * 6.25 + 90 * 25,
  }),
  one("Anthropic's second tier, which the cache alone reaches", "anthropic", "claude-sonnet-4-5", {
    raw: {
      input_tokens: 1000,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 250_000,
      output_tokens: 500,
    },
    perMillion: 1000 * 6 + 250_000 * 0.6 + 500 * 22.5,
  }),
  one("Claude at Bedrock", "aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", {
    raw: {
      input_tokens: 40,
      cache_creation_input_tokens: 600,
      cache_read_input_tokens: 2000,
      output_tokens: 30,
    },
    perMillion: 40 * 3.3 + 600 * 4.125 + 2000 * 0.33 + 30 * 16.5,
  }),
  one("Gemini's second tier", "gcp.gemini", "gemini-2.5-pro", {
    operation: "generate_content",
    raw: {
      promptTokenCount: 250_000,
      cachedContentTokenCount: 100_000,
      candidatesTokenCount: 800,
      thoughtsTokenCount: 200,
      totalTokenCount: 251_000,
    },
    perMillion: 150_000 * 2.5 + 100_000 * 0.25 + 1000 * 15,
  }),
  one("Gemini with what was heard", "gcp.vertex_ai", "gemini-2.5-flash", {
    operation: "generate_content",
    raw: {
      promptTokenCount: 1000,
      candidatesTokenCount: 80,
      thoughtsTokenCount: 40,
      totalTokenCount: 1120,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 700 },
        { modality: "AUDIO", tokenCount: 300 },
      ],
    },
    perMillion: 700 * 0.3 + 300 * 1 + 120 * 2.5,
  }),
  one("Azure, whose deployments have names of their own", "azure.ai.openai", "my-deployment", {
    answered: "gpt-4o-2024-08-06",
    raw: { prompt_tokens: 400, completion_tokens: 20, total_tokens: 420 },
    perMillion: 400 * 2.5 + 20 * 10,
  }),
  one("Groq", "groq", "llama-3.3-70b-versatile", {
    raw: {
      queue_time: 0.25,
      prompt_tokens: 18,
      prompt_time: 0.0005,
      completion_tokens: 400,
      completion_time: 1.5,
      total_tokens: 418,
      total_time: 1.5005,
    },
    perMillion: 18 * 0.59 + 400 * 0.79,
  }),
  one("Mistral", "mistral_ai", "mistral-large-latest", {
    raw: { prompt_tokens: 11, total_tokens: 16, completion_tokens: 5 },
    perMillion: 11 * 2 + 5 * 6,
  }),
  one("Perplexity, which charges a fee for each call", "perplexity", "sonar-pro", {
    raw: { prompt_tokens: 10, completion_tokens: 336, total_tokens: 346 },
    perMillion: 10 * 3 + 336 * 15 + 14_000,
  }),
  one("DeepSeek, which counts hits and misses", "deepseek", "deepseek-chat", {
    raw: {
      prompt_tokens: 200,
      completion_tokens: 60,
      total_tokens: 260,
      prompt_tokens_details: { cached_tokens: 128 },
      prompt_cache_hit_tokens: 128,
      prompt_cache_miss_tokens: 72,
    },
    perMillion: 72 * 0.27 + 128 * 0.07 + 60 * 1.1,
  }),
  one("xAI, whose thoughts stand beside its completion", "x_ai", "grok-4", {
    raw: {
      prompt_tokens: 14,
      completion_tokens: 3,
      total_tokens: 217,
      prompt_tokens_details: { text_tokens: 14, audio_tokens: 0, image_tokens: 0, cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 200, audio_tokens: 0 },
    },
    perMillion: 10 * 3 + 4 * 0.75 + 203 * 15,
  }),
  one("Cohere, which bills for other counts than it has", "cohere", "command-r", {
    raw: {
      billed_units: { input_tokens: 50, output_tokens: 30 },
      tokens: { input_tokens: 1200, output_tokens: 45 },
    },
    perMillion: 50 * 0.15 + 30 * 0.6,
  }),
  one("a local model, which nobody asks a price for", "ollama", "llama3.2", {
    raw: { prompt_eval_count: 26, eval_count: 298 },
  }),
  one("a model of which nobody has heard", "openai", "a-model-of-tomorrow", {
    raw: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
  }),
  one("a price of the configuration", "my.house", "mine-7b", {
    usage: { input: 1000, cacheRead: 4000, output: 200, source: "provider" },
    perMillion: 1000 * 0.5 + 4000 * 0.1 + 200 * 1,
  }),
  one("a cost that its sender knew", "openai", "gpt-4o", {
    raw: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
    cost: { inputUsd: 0.004, outputUsd: 0.005, totalUsd: 0.009, prices: "sender" },
    perMillion: 9000,
  }),
];

function one(name: string, provider: string, model: string, given: Given): MixedRun {
  const { raw, type = "llm", operation = "chat", perMillion } = given;
  return {
    ...{ name, type, operation, provider, model },
    answered: given.answered,
    startTime: given.startTime ?? MIXED_STARTED,
    usage: raw === undefined ? given.usage : usageOf(raw),
    cost: given.cost,
    usd: perMillion === undefined ? undefined : perMillion / MILLION,
  };
}
