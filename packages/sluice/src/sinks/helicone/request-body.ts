import type { Json, JsonObject, Run } from "@sluice/sdk";
import { listOf, objectOf } from "@sluice/sdk/internal";
import { withoutSeals } from "../withheld.ts";
import type { WireFormat } from "./provider.ts";

/** What a model was asked, in the provider's own shape, and where. */
export interface ModelRequest {
  readonly url: string;
  readonly json: JsonObject;
  readonly operation: Operation;
}

export type Operation = "chat" | "completion" | "embeddings" | "responses";

/** What the helpers of Helicone say for a model that has no address. */
const NO_URL = "custom-model-nopath";
const OPENAI_PATHS: Readonly<Record<Operation, string>> = {
  chat: "/v1/chat/completions",
  completion: "/v1/completions",
  embeddings: "/v1/embeddings",
  responses: "/v1/responses",
};

/**
 * The request as its provider would have got it, but for `stream`: what the server finds that in, it reads
 * the answer of as server-sent events, and the answer of a run is joined.
 */
export function modelRequestOf(run: Run, format: WireFormat, isOpenai: boolean): ModelRequest {
  const operation = operationOf(run);
  const model = modelOf(run);
  const input = withoutSeals(run.request?.input ?? null);
  const { stream: _, stream_options: __, ...params } = run.request?.params ?? {};
  switch (format) {
    case "anthropic":
      return {
        url: "https://api.anthropic.com/v1/messages",
        json: { ...params, model, messages: messagesOf(input) },
        operation: "chat",
      };
    case "google": {
      const verb = operation === "embeddings" ? "embedContent" : "generateContent";
      return {
        url: `https://generativelanguage.googleapis.com/v1beta/models/${model}:${verb}`,
        json: { ...params, model, contents: contentsOf(input) },
        operation: operation === "embeddings" ? operation : "chat",
      };
    }
    case "openai":
      return {
        url: isOpenai ? `https://api.openai.com${OPENAI_PATHS[operation]}` : NO_URL,
        json: { ...params, model, ...openaiInput(operation, input) },
        operation,
      };
  }
}

/** A record needs a model: without one Helicone takes a request that has `metadata` for an assistant's. */
export function modelOf(run: Run): string {
  return run.request?.model ?? run.name ?? run.response?.model ?? "unknown";
}

/** As its sender called it, else told by the shape of what came back. */
function operationOf(run: Run): Operation {
  const { operation } = run;
  if (run.type === "embedding") return "embeddings";
  if (operation === "chat" || operation === "completion" || operation === "responses") return operation;
  if (operation === "text_completion") return "completion";
  const isItems = listOf(run.response?.output).some((item) => objectOf(item)?.type !== undefined);
  return isItems ? "responses" : "chat";
}

function openaiInput(operation: Operation, input: Json): JsonObject {
  switch (operation) {
    case "chat":
      return { messages: messagesOf(input) };
    case "completion":
      return { prompt: input };
    case "embeddings":
    case "responses":
      return { input };
  }
}

/** Messages are a list of objects; anything else is what a user said. */
function messagesOf(input: Json): readonly Json[] {
  if (input === null) return [];
  if (isObjects(input)) return listOf(input);
  const one = objectOf(input);
  if (one?.role !== undefined) return [one];
  return [{ role: "user", content: typeof input === "string" ? input : JSON.stringify(input) }];
}

/** Gemini's messages have parts; those of others are translated as far as they are text. */
function contentsOf(input: Json): readonly Json[] {
  return messagesOf(input).map((message) => {
    const { role, content, ...rest } = objectOf(message) ?? {};
    if (content === undefined) return message;
    const parts = typeof content === "string" ? [{ text: content }] : content;
    return { ...rest, role: role === "assistant" ? "model" : (role ?? "user"), parts };
  });
}

function isObjects(value: Json): boolean {
  const items = listOf(value);
  return items.length > 0 && items.every((item) => objectOf(item) !== undefined);
}
