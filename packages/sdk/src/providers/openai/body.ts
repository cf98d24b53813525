import type { Json, JsonObject, RunResponse, ToolCall } from "../../event/event.ts";
import { membersOf } from "../json-members.ts";
import type { Reading, ResponseBody } from "../provider.ts";
import { usageOf } from "../usage/usage.ts";
import { errorFrom, errorOf } from "./error.ts";
import { toolCallsOfItems, toolCallsOfMessage } from "./tool-calls.ts";
import { usageInTail } from "./usage-in-tail.ts";
import { indexOf, listOf, objectOf, parseObject, textOf } from "./wire.ts";

/** What a JSON answer says. An answer that is no JSON object is not complete and says nothing. */
export function readChatBody(body: ResponseBody): Reading {
  return readBody(body, "choices", (answer) => {
    const choices = choicesOf(answer);
    const messages = choices.map((choice) => objectOf(choice.message) ?? {});
    return {
      output: outputOf(messages),
      finishReasons: finishReasonsOf(choices),
      toolCalls: messages.flatMap(toolCallsOfMessage),
    };
  });
}

export function readCompletionBody(body: ResponseBody): Reading {
  return readBody(body, "choices", (answer) => {
    const choices = choicesOf(answer);
    const texts = choices.map((choice) => choice.text ?? null);
    return { output: outputOf(texts), finishReasons: finishReasonsOf(choices), toolCalls: [] };
  });
}

/** The vectors are not kept: nobody reads them, and they are most of the bytes. How many and how long is. */
export function readEmbeddingsBody(body: ResponseBody): Reading {
  return readBody(body, undefined, (answer) => {
    const vectors = listOf(answer.data);
    const dimensions = dimensionsOf(objectOf(vectors[0])?.embedding);
    return { count: vectors.length, ...(dimensions !== undefined && { dimensions }), toolCalls: [] };
  });
}

export function readResponsesBody(body: ResponseBody): Reading {
  return readBody(body, "output", readResponse);
}

/** A response object, be it a whole body or the last event of a stream. */
export function readResponse(response: JsonObject): Said {
  const output = listOf(response.output);
  const status = textOf(response.status);
  const error = objectOf(response.error);
  const finishReason = textOf(objectOf(response.incomplete_details)?.reason) ?? status;
  return {
    output,
    ...(finishReason !== undefined && { finishReasons: [finishReason] }),
    ...(error !== undefined && { error: errorFrom(error) }),
    ...(error === undefined && status === "failed" && { error: { message: "The response failed." } }),
    toolCalls: toolCallsOfItems(output),
  };
}

/** What is special to an operation; id, model, usage and errors are read alike for all. */
interface Said extends Pick<RunResponse, "output" | "finishReasons" | "count" | "dimensions"> {
  readonly error?: Reading["error"];
  readonly toolCalls: readonly ToolCall[];
}

/** Puts together what an answer or the end of a stream says. */
export function readingOf(answer: JsonObject, said: Said): Reading {
  const { toolCalls, error, output, finishReasons, count, dimensions } = said;
  const id = textOf(answer.id);
  const model = textOf(answer.model);
  const usage = usageOf(answer.usage);
  const response: { -readonly [name in keyof RunResponse]: RunResponse[name] } = {};
  if (id !== undefined) response.id = id;
  if (model !== undefined) response.model = model;
  if (output !== undefined) response.output = output;
  if (finishReasons !== undefined) response.finishReasons = finishReasons;
  if (count !== undefined) response.count = count;
  if (dimensions !== undefined) response.dimensions = dimensions;
  const reading = { isComplete: true, isCut: false, response, toolCalls };
  if (usage === undefined && error === undefined) return reading;
  return {
    ...reading,
    ...(usage !== undefined && { usage }),
    ...(error !== undefined && { error }),
  };
}

/** One choice stands for itself; several are a list. */
export function outputOf(outputs: readonly Json[]): Json {
  return outputs.length === 1 ? (outputs[0] ?? null) : outputs;
}

function readBody(
  body: ResponseBody,
  outputMember: string | undefined,
  read: (answer: JsonObject) => Said,
): Reading {
  if (body.tail !== undefined) return readCutBody(body.text, body.tail, outputMember);
  const answer = parseObject(body.text);
  if (answer === undefined) {
    // Cut off on its way, or no JSON at all: what stands there is told as far as it goes.
    return { ...readCutBody(body.text, body.text, outputMember), isComplete: false, isCut: false };
  }
  const error = errorOf(answer);
  const isAnswer = (outputMember ?? "data") in answer;
  if (error !== undefined && !isAnswer) return { isComplete: true, isCut: false, error, toolCalls: [] };
  return isAnswer
    ? readingOf(answer, read(answer))
    : { ...readingOf(answer, { toolCalls: [] }), isComplete: false };
}

/**
 * Of an answer that was too long: what stands before its output, its output as far as kept (as text), its
 * usage.
 */
function readCutBody(head: string, tail: string, outputMember: string | undefined): Reading {
  const { members } = membersOf(head);
  const textMember = (name: string) => {
    const raw = members.find((member) => member.name === name && !member.isCut)?.raw;
    return raw === undefined ? undefined : textOf(parseObject(`{"value":${raw}}`)?.value);
  };
  const id = textMember("id");
  const model = textMember("model");
  const output = members.find((member) => member.name === outputMember)?.raw;
  const usage = usageInTail(tail);
  return {
    isComplete: true,
    isCut: true,
    response: {
      ...(id !== undefined && { id }),
      ...(model !== undefined && { model }),
      ...(output !== undefined && { output }),
    },
    ...(usage !== undefined && { usage }),
    toolCalls: [],
  };
}

function choicesOf(answer: JsonObject): readonly JsonObject[] {
  const choices = listOf(answer.choices)
    .map(objectOf)
    .filter((choice) => choice !== undefined);
  return choices.toSorted((one, other) => indexOf(one.index) - indexOf(other.index));
}

function finishReasonsOf(choices: readonly JsonObject[]): readonly string[] {
  return choices.flatMap((choice) => textOf(choice.finish_reason) ?? []);
}

/** A vector is a list of numbers, or base64 of 32-bit floats, which is what the openai package asks for. */
function dimensionsOf(embedding: unknown): number | undefined {
  if (Array.isArray(embedding)) return embedding.length;
  if (typeof embedding !== "string") return undefined;
  const padding = embedding.endsWith("==") ? 2 : embedding.endsWith("=") ? 1 : 0;
  return ((embedding.length / 4) * 3 - padding) / 4;
}
