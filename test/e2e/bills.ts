import type { Event } from "@sluice/sdk";
import { spanIdOf } from "@sluice/sdk/internal";
import type {
  HeliconeServer,
  LangfuseServer,
  LunaryServer,
  OtlpServer,
} from "../../packages/sluice/src/testing/index.ts";
import { type Bill, count } from "./recomputed-cost.ts";

/** What one backend has of one run. */
export interface Account {
  readonly bill: Bill;
  /** The cost fields that it was given, by side where it has sides. */
  readonly totalUsd: unknown;
  readonly inputUsd?: unknown;
  readonly outputUsd?: unknown;
}

/** One backend's account of a run, from its own keys alone; undefined: it does not have the run. */
export type Accounts = (runId: string) => Account | undefined;

type Fields = Readonly<Record<string, unknown>>;

export function langfuseAccounts(server: LangfuseServer, idOf: (runId: string) => string): Accounts {
  return (runId) => {
    const row = server.observations.find(({ id }) => id === idOf(runId));
    if (!row) return undefined;
    const usage: Fields = row.usageDetails ?? {};
    const { input, input_cached_tokens: cacheRead, input_cache_creation_1h: cacheWrite1h } = usage;
    const { output, output_reasoning_tokens: reasoning, output_audio_tokens: audioOutput } = usage;
    const cacheWrite = sum(usage["input_cache_creation"], cacheWrite1h);
    const audioInput = usage["input_audio_tokens"];
    return {
      bill: {
        provider: textOf(row.metadata["provider"]),
        models: [row.model],
        startTime: row.startTime,
        prompt: sum(input, cacheRead, cacheWrite, audioInput),
        completion: sum(output, reasoning, audioOutput),
        ...{ cacheRead, cacheWrite, cacheWrite1h, reasoning, audioInput, audioOutput },
      },
      totalUsd: row.costDetails?.["total"],
      inputUsd: row.costDetails?.["input"],
      outputUsd: row.costDetails?.["output"],
    };
  };
}

/** Over OTLP its observations have the ids of spans. */
export const ofSpan = spanIdOf;

export function lunaryAccounts(server: LunaryServer): Accounts {
  return (runId) => {
    const row = server.runs.get(runId);
    if (!row) return undefined;
    const { metadata } = row;
    return {
      bill: {
        provider: textOf(metadata["provider"]),
        models: [metadata["model"], row.name],
        startTime: row.startedAt,
        prompt: row.promptTokens,
        completion: row.completionTokens,
        cacheRead: row.promptCached,
        cacheWrite: sum(metadata["cacheWrite5mTokens"], metadata["cacheWrite1hTokens"]),
        cacheWrite1h: metadata["cacheWrite1hTokens"],
        reasoning: metadata["reasoningTokens"],
        audioInput: metadata["audioInputTokens"],
        audioOutput: metadata["audioOutputTokens"],
      },
      totalUsd: metadata["costUsd"],
    };
  };
}

/** What its routes are called; the other providers stand in a property. */
const ROUTES: Readonly<Record<string, string>> = {
  OPENAI: "openai",
  ANTHROPIC: "anthropic",
  GOOGLE: "google",
};

export function heliconeAccounts(server: HeliconeServer): Accounts {
  return (runId) => {
    const row = server.rows.find(({ properties }) => properties["run-id"] === runId);
    if (!row) return undefined;
    const provider = row.properties["provider"] ?? ROUTES[row.provider];
    const cost = row.properties["cost-usd"];
    const response = fieldsOf(row.response);
    return {
      bill: {
        provider,
        models: [row.model, fieldsOf(row.request)["model"]],
        startTime: row.startedAt,
        prompt: row.promptTokens,
        completion: row.completionTokens,
        ...heliconeParts(row.provider, response),
      },
      totalUsd: cost === undefined ? undefined : Number(cost),
    };
  };
}

/** The provider's own usage object, by the names of that provider. */
function heliconeParts(route: string, response: Fields): Partial<Bill> {
  const usage = fieldsOf(response["usage"]);
  if (route === "ANTHROPIC") {
    const cacheRead = usage["cache_read_input_tokens"];
    const cacheWrite = usage["cache_creation_input_tokens"];
    const cacheWrite1h = fieldsOf(usage["cache_creation"])["ephemeral_1h_input_tokens"];
    // Its input is without its cache.
    return { prompt: sum(usage["input_tokens"], cacheRead, cacheWrite), cacheRead, cacheWrite, cacheWrite1h };
  }
  if (route === "GOOGLE") {
    const metadata = fieldsOf(response["usageMetadata"]);
    const modalities = metadata["promptTokensDetails"];
    const heard = (Array.isArray(modalities) ? modalities : []).find(({ modality }) => modality === "AUDIO");
    return { cacheRead: metadata["cachedContentTokenCount"], audioInput: fieldsOf(heard)["tokenCount"] };
  }
  const asked = fieldsOf(usage["prompt_tokens_details"] ?? usage["input_tokens_details"]);
  const answered = fieldsOf(usage["completion_tokens_details"] ?? usage["output_tokens_details"]);
  return {
    cacheRead: asked["cached_tokens"],
    cacheWrite: asked["cache_write_tokens"],
    audioInput: asked["audio_tokens"],
    reasoning: answered["reasoning_tokens"],
    audioOutput: answered["audio_tokens"],
  };
}

export function semconvAccounts(server: OtlpServer): Accounts {
  return (runId) => {
    const span = server.spans.find(({ attributes }) => attributes["sluice.run.id"] === runId);
    if (!span) return undefined;
    const { attributes } = span;
    const usage = (name: string) => attributes[`gen_ai.usage.${name}`];
    return {
      bill: {
        provider: textOf(attributes["gen_ai.provider.name"]),
        models: [attributes["gen_ai.response.model"], attributes["gen_ai.request.model"]],
        startTime: isoOf(span.startTimeUnixNano),
        prompt: numberIn(usage("input_tokens")),
        completion: numberIn(usage("output_tokens")),
        cacheRead: usage("cache_read.input_tokens"),
        cacheWrite: usage("cache_creation.input_tokens"),
        cacheWrite1h: attributes["sluice.usage.cache_creation_1h.input_tokens"],
        reasoning: usage("reasoning.output_tokens"),
        audioInput: attributes["sluice.usage.audio.input_tokens"],
        audioOutput: attributes["sluice.usage.audio.output_tokens"],
      },
      totalUsd: usage("cost"),
    };
  };
}

export function openinferenceAccounts(server: OtlpServer): Accounts {
  return (runId) => {
    const span = server.spans.find(({ attributes }) => attributes["sluice.run.id"] === runId);
    if (!span) return undefined;
    const { attributes } = span;
    const tokens = (name: string) => attributes[`llm.token_count.${name}`];
    return {
      bill: {
        provider: textOf(attributes["llm.provider"] ?? attributes["gen_ai.provider.name"]),
        models: [attributes["llm.model_name"] ?? attributes["embedding.model_name"]],
        startTime: isoOf(span.startTimeUnixNano),
        prompt: numberIn(tokens("prompt")),
        completion: numberIn(tokens("completion")),
        cacheRead: tokens("prompt_details.cache_read"),
        cacheWrite: tokens("prompt_details.cache_write"),
        cacheWrite1h: attributes["sluice.usage.cache_creation_1h.input_tokens"],
        reasoning: tokens("completion_details.reasoning"),
        audioInput: tokens("prompt_details.audio"),
        audioOutput: tokens("completion_details.audio"),
      },
      totalUsd: attributes["llm.cost.total"],
      inputUsd: attributes["llm.cost.prompt"],
      outputUsd: attributes["llm.cost.completion"],
    };
  };
}

/** Rows of the table `runs`; a database's numbers may come as text or as bigints. */
export function rowAccounts(rows: readonly Fields[]): Accounts {
  return (runId) => {
    const row = rows.find((each) => each["run_id"] === runId);
    if (!row) return undefined;
    const tokens = (name: string) => {
      const cell = row[`${name}_tokens`];
      return cell === null || cell === undefined ? undefined : Number(cell);
    };
    const cost = (name: string) => row[name] ?? undefined;
    const startTime = row["start_time"];
    return {
      bill: {
        provider: textOf(row["provider"]),
        models: [row["response_model"], row["request_model"]],
        startTime: startTime instanceof Date ? startTime.toISOString() : startTime,
        prompt: tokens("prompt"),
        completion: tokens("completion"),
        cacheRead: tokens("cache_read"),
        cacheWrite: sum(tokens("cache_write_5m"), tokens("cache_write_1h")),
        cacheWrite1h: tokens("cache_write_1h"),
        reasoning: tokens("reasoning"),
        audioInput: tokens("audio_input"),
        audioOutput: tokens("audio_output"),
      },
      totalUsd: cost("cost_usd"),
      inputUsd: cost("input_cost_usd"),
      outputUsd: cost("output_cost_usd"),
    };
  };
}

export function eventAccounts(events: readonly Event[]): Accounts {
  return (runId) => {
    const run = events.find((event) => event.kind === "run.ended" && event.runId === runId)?.run;
    if (!run) return undefined;
    const { usage, cost } = run;
    const cacheWrite = sum(usage?.cacheWrite5m, usage?.cacheWrite1h);
    return {
      bill: {
        provider: run.provider,
        models: [run.response?.model, run.request?.model],
        startTime: run.startTime,
        prompt: sum(usage?.input, usage?.cacheRead, cacheWrite, usage?.audioInput),
        completion: sum(usage?.output, usage?.reasoning, usage?.audioOutput),
        cacheRead: usage?.cacheRead,
        cacheWrite,
        cacheWrite1h: usage?.cacheWrite1h,
        reasoning: usage?.reasoning,
        audioInput: usage?.audioInput,
        audioOutput: usage?.audioOutput,
      },
      totalUsd: cost?.totalUsd,
      inputUsd: cost?.inputUsd,
      outputUsd: cost?.outputUsd,
    };
  };
}

function isoOf(nanos: bigint): string {
  return new Date(Number(nanos / 1_000_000n)).toISOString();
}

function sum(...counts: readonly unknown[]): number | undefined {
  return counts.every((each) => each === undefined)
    ? undefined
    : counts.map(count).reduce((a, b) => a + b, 0);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
