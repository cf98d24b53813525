import type { Json, JsonObject } from "@sluice/sdk";
import type OpenAI from "openai";
import { APIError } from "openai";
import type { Exchange } from "../../packages/sluice/src/testing/exchange-files.ts";

/** What an exchange says, found by the openai package and these few lines, and not by the code under test. */
export interface Said {
  status: string;
  id?: string | undefined;
  model?: string | undefined;
  output?: unknown;
  finishReasons?: readonly string[] | undefined;
  tools: readonly { readonly name: string; readonly arguments?: Json | undefined }[];
  usage?: unknown;
  error?: string | undefined;
  count?: number | undefined;
  dimensions?: number | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: recorded JSON, looked at by hand.
type Wire = Record<string, any>;

/** The recorded request; where none was recorded, one in the right shape. */
export function requestOf(exchange: Exchange): JsonObject {
  if (exchange.request !== undefined) return JSON.parse(exchange.request.toString("utf8"));
  const stream = exchange.isStream ? { stream: true } : {};
  const question = "What does the recording say?";
  switch (exchange.path) {
    case "/v1/chat/completions":
      return { model: "gpt-4o", messages: [{ role: "user", content: question }], ...stream };
    case "/v1/completions":
      return { model: "gpt-3.5-turbo-instruct", prompt: question, max_tokens: 16, ...stream };
    case "/v1/embeddings":
      return { model: "text-embedding-3-small", input: [question] };
    default:
      return { model: "gpt-5", input: question, ...stream };
  }
}

/** Makes the call with the openai package, through whatever `client` points at, and says what came of it. */
export async function saidBySdk(client: OpenAI, exchange: Exchange): Promise<Said> {
  const request = { ...requestOf(exchange), stream: exchange.isStream } as Wire;
  const path = exchange.path.replace("/v1", "");
  try {
    if (!exchange.isStream) {
      const answer = await client.post<Wire>(path, { body: request });
      return saidByAnswer(exchange.path, answer);
    }
    const events: Wire[] = [];
    let error: string | undefined;
    try {
      const stream = (await client.post(path, { body: request, stream: true })) as AsyncIterable<Wire>;
      for await (const event of stream) events.push(event);
    } catch (thrown) {
      // The package throws what stands in the stream; what came before it still counts.
      error = thrown instanceof APIError ? (thrown.error as Wire | undefined)?.message : String(thrown);
    }
    const said = exchange.path === "/v1/responses" ? saidByResponse(events) : saidByChunks(events);
    return error === undefined ? said : { ...said, status: "error", error };
  } catch (thrown) {
    if (!(thrown instanceof APIError)) throw thrown;
    return { status: "error", tools: [], error: (thrown.error as Wire | undefined)?.message };
  }
}

function saidByAnswer(path: string, answer: Wire): Said {
  const { id, model, usage } = answer;
  if (path === "/v1/embeddings") {
    const first = answer.data[0].embedding;
    return { status: "ok", id, model, usage, tools: [], count: answer.data.length, dimensions: first.length };
  }
  if (path === "/v1/responses") return saidByResponse([{ type: "response.completed", response: answer }]);
  const outputs = answer.choices.map((choice: Wire) => choice.message ?? choice.text);
  return {
    status: "ok",
    id,
    model,
    usage,
    output: outputs.length === 1 ? outputs[0] : outputs,
    finishReasons: answer.choices.map((choice: Wire) => choice.finish_reason),
    tools: outputs.flatMap(toolsOfMessage),
  };
}

function saidByResponse(events: readonly Wire[]): Said {
  const { response } = events.findLast(
    (event) => /completed|incomplete|failed/.test(event.type) && event.response,
  ) as Wire;
  const tools = response.output
    .filter((item: Wire) => item.type.endsWith("_call"))
    .map((item: Wire) => ({
      name: item.name ?? item.type.replace(/_call$/, ""),
      arguments: item.arguments ?? item.input ?? item.action ?? item.operation ?? item.code ?? item.queries,
    }));
  return {
    status: "ok",
    id: response.id,
    model: response.model,
    usage: response.usage,
    output: response.output,
    finishReasons: [response.incomplete_details?.reason ?? response.status],
    tools,
  };
}

function saidByChunks(chunks: readonly Wire[]): Said {
  const choices: Wire[] = [];
  let usage: unknown;
  for (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    for (const { index, delta, text, finish_reason } of chunk.choices) {
      choices[index] ??= {
        text: undefined,
        message: { role: "assistant", content: null },
        finish: undefined,
      };
      const choice = choices[index] as Wire;
      if (text !== undefined) choice.text = (choice.text ?? "") + text;
      if (typeof delta?.content === "string")
        choice.message.content = (choice.message.content ?? "") + delta.content;
      for (const call of delta?.tool_calls ?? []) addCall(choice.message, call);
      choice.finish = finish_reason ?? choice.finish;
    }
  }
  const outputs = choices.map((choice) => choice.text ?? choice.message);
  return {
    status: "ok",
    id: chunks[0]?.id,
    model: chunks[0]?.model,
    usage,
    output: outputs.length === 1 ? outputs[0] : outputs,
    finishReasons: choices.flatMap((choice) => choice.finish ?? []),
    tools: outputs.flatMap(toolsOfMessage),
  };
}

function addCall(message: Wire, { index, id, type, function: asked }: Wire): void {
  message.tool_calls ??= [];
  message.tool_calls[index] ??= { id, type, function: { name: asked.name, arguments: "" } };
  message.tool_calls[index].function.arguments += asked.arguments;
}

function toolsOfMessage(message: Wire): { name: string; arguments: Json }[] {
  const calls = [...(message.tool_calls ?? []).map((call: Wire) => call.function), message.function_call];
  return calls
    .filter((call) => call !== undefined)
    .map((call) => ({ name: call.name, arguments: call.arguments }));
}
