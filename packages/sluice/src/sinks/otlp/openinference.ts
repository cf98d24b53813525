import type { Json, JsonObject, Run } from "@sluice/sdk";
import {
  completionTokensOf,
  listOf,
  numberOf,
  objectOf,
  promptTokensOf,
  totalOf,
} from "@sluice/sdk/internal";
import { withoutSeals } from "../withheld.ts";
import { inputMessagesOf, outputMessagesOf } from "./messages.ts";
import { putMessages } from "./openinference-messages.ts";
import { callsModel, requestModelOf } from "./operation.ts";
import type { Profile, WritableAttributes } from "./profile.ts";

/** Types of run that OpenInference has a kind for; those behind the empty line are nobody's but the sender's. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ["llm", "LLM"],
  ["embedding", "EMBEDDING"],
  ["retriever", "RETRIEVER"],
  ["tool", "TOOL"],
  ["agent", "AGENT"],
  ["chain", "CHAIN"],

  ["reranker", "RERANKER"],
  ["guardrail", "GUARDRAIL"],
  ["evaluator", "EVALUATOR"],
  ["prompt", "PROMPT"],
]);

/**
 * OpenInference, which Phoenix and Arize read, to stand beside the conventions' own attributes: those have
 * the session and the user already. It spreads messages over attributes, one for each leaf.
 */
export function openinference({ content }: { readonly content: boolean }): Profile {
  return (event, run) => {
    const kind = KINDS.get(run?.type ?? "") ?? "CHAIN";
    const attributes: WritableAttributes = { "openinference.span.kind": kind };
    if (run) {
      putCall(attributes, run);
      if (callsModel(run)) putUsage(attributes, run);
      if (content) putContent(attributes, run);
    }
    if (event.metadata) attributes["metadata"] = JSON.stringify(event.metadata);
    if (event.tags && event.tags.length > 0) attributes["tag.tags"] = event.tags;
    return attributes;
  };
}

function put(attributes: WritableAttributes, name: string, value: string | number | undefined): void {
  if (value !== undefined) attributes[name] = value;
}

function putCall(attributes: WritableAttributes, run: Run): void {
  switch (run.type) {
    case "llm":
      put(attributes, "llm.model_name", run.response?.model ?? requestModelOf(run));
      put(attributes, "llm.provider", run.provider);
      put(attributes, "llm.invocation_parameters", figuresOf(run.request?.params));
      break;
    case "embedding":
      put(attributes, "embedding.model_name", run.response?.model ?? requestModelOf(run));
      break;
    case "tool":
      put(attributes, "tool.name", run.name);
      break;
    case "agent":
      put(attributes, "agent.name", run.name);
  }
}

/** Parameters that are figures or switches: in the others there may be what somebody said. */
function figuresOf(params: JsonObject | undefined): string | undefined {
  const figures = Object.entries(params ?? {}).filter(
    ([, value]) => typeof value === "boolean" || numberOf(value) !== undefined,
  );
  return figures.length === 0 ? undefined : JSON.stringify(Object.fromEntries(figures));
}

function putUsage(attributes: WritableAttributes, { usage, cost }: Run): void {
  if (usage) {
    const count = (name: string, value: number | undefined) =>
      put(attributes, `llm.token_count.${name}`, value);
    const prompt = promptTokensOf(usage);
    const completion = completionTokensOf(usage);
    count("prompt", prompt);
    count("completion", completion);
    if (prompt !== undefined && completion !== undefined) count("total", prompt + completion);
    count("prompt_details.cache_read", numberOf(usage.cacheRead));
    count("prompt_details.cache_write", totalOf(usage.cacheWrite5m, usage.cacheWrite1h));
    count("prompt_details.audio", numberOf(usage.audioInput));
    count("completion_details.reasoning", numberOf(usage.reasoning));
    count("completion_details.audio", numberOf(usage.audioOutput));
  }
  put(attributes, "llm.cost.prompt", numberOf(cost?.inputUsd));
  put(attributes, "llm.cost.completion", numberOf(cost?.outputUsd));
  put(attributes, "llm.cost.total", numberOf(cost?.totalUsd));
}

function putContent(attributes: WritableAttributes, run: Run): void {
  const input = run.request?.input;
  const output = run.response?.output;
  if (run.type === "llm") {
    const asked = input === undefined ? [] : inputMessagesOf(input);
    const answered = output === undefined ? [] : outputMessagesOf(run, output);
    putMessages(attributes, "llm.input_messages", asked);
    putMessages(attributes, "llm.output_messages", answered);
    for (const [index, tool] of listOf(run.request?.params?.tools).entries()) {
      attributes[`llm.tools.${index}.tool.json_schema`] = JSON.stringify(tool);
    }
    // As the messages are: what a provider sealed for itself is not in them.
    if (input !== undefined) putValue(attributes, "input", typeof input === "string" ? input : [...asked]);
    if (output !== undefined)
      putValue(attributes, "output", typeof output === "string" ? output : [...answered]);
    return;
  }
  if (input !== undefined) putValue(attributes, "input", withoutSeals(input));
  if (output === undefined) return;
  putValue(attributes, "output", withoutSeals(output));
  if (run.type === "retriever") putDocuments(attributes, listOf(output));
}

function putValue(attributes: WritableAttributes, side: "input" | "output", value: unknown): void {
  const isText = typeof value === "string";
  attributes[`${side}.value`] = isText ? value : JSON.stringify(value);
  attributes[`${side}.mime_type`] = isText ? "text/plain" : "application/json";
}

function putDocuments(attributes: WritableAttributes, documents: readonly Json[]): void {
  for (const [index, document] of documents.entries()) {
    const place = `retrieval.documents.${index}.document`;
    const { id, score, content, text, pageContent } = objectOf(document) ?? { text: document };
    const words = content ?? text ?? pageContent;
    if (typeof id === "string") attributes[`${place}.id`] = id;
    put(attributes, `${place}.score`, numberOf(score));
    if (words !== undefined)
      attributes[`${place}.content`] = typeof words === "string" ? words : JSON.stringify(words);
  }
}
