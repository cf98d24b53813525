import type { Json, JsonObject } from "@sluice/sdk";
import { mergeMessageUsage } from "../../packages/sdk/src/providers/usage/anthropic.ts";
import { usageOf } from "../../packages/sdk/src/providers/usage/usage.ts";
import { MIXED_STARTED, type MixedRun } from "./mixed-runs.ts";
import { type RecordedAnswer, recordedAnswers, recordingsRoot } from "./recordings.ts";

/** As OpenTelemetry names them, by how the recordings' folders begin; others are called as there. */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure: "azure.ai.openai",
  google: "gcp.gemini",
  mistral: "mistral_ai",
  moonshot: "moonshot_ai",
  xai: "x_ai",
};

/** Every recorded answer that says its model and its usage, as a run; none where no recordings are at hand. */
export function recordedRuns(): readonly MixedRun[] {
  const root = recordingsRoot();
  return root === undefined ? [] : recordedAnswers(root).flatMap(runOf);
}

function runOf({ api, name, objects }: RecordedAnswer): readonly MixedRun[] {
  const holders = objects.flatMap((object) =>
    [
      object,
      ...["response", "message", "interaction", "delta", "x_groq"].map((member) => object[member]),
    ].filter(isObject),
  );
  const model = holders.map((holder) => holder.model ?? holder.modelVersion).findLast(isText);
  const isMessage = api === "anthropic-messages" && objects.length > 1;
  const raw = isMessage
    ? objects.reduce(merged, undefined)
    : holders.map((holder) => holder.usage ?? holder.usageMetadata).findLast(isObject);
  const usage = usageOf(raw);
  if (usage === undefined || model === undefined) return [];
  const [folder = ""] = api.split("-");
  const isEmbedding = api.endsWith("-embeddings");
  return [
    {
      name: `${api}/${name}`,
      type: isEmbedding ? "embedding" : "llm",
      operation: isEmbedding ? "embeddings" : api.endsWith("-responses") ? "responses" : "chat",
      provider: PROVIDERS[folder] ?? folder,
      startTime: MIXED_STARTED,
      ...{ model, usage, answered: undefined, cost: undefined, usd: undefined },
    },
  ];
}

/** Anthropic begins a stream with one usage, and goes on with others. */
function merged(usage: JsonObject | undefined, { type, message, usage: more }: JsonObject) {
  if (isObject(message) && isObject(message.usage)) return message.usage;
  return type === "message_delta" ? mergeMessageUsage(usage, more) : usage;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string";
}
