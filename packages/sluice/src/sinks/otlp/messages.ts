import type { Json, JsonObject, Run } from "@sluice/sdk";
import { listOf, numberOf, objectOf } from "@sluice/sdk/internal";
import { type Part, partsOf, reasoningParts, textPart, toolCallPart, toolResponsePart } from "./parts.ts";

/** A message in the conventions' form. Every output message has a finish reason, no input message has one. */
export interface Message {
  readonly role: string;
  readonly parts: readonly Part[];
  readonly name?: string;
  readonly finish_reason?: string;
}

/** What a run was given: a text, a list of messages, Gemini's `contents`, or anything else as one message. */
export function inputMessagesOf(input: Json): readonly Message[] {
  const list = listOf(plain(input)?.contents ?? plain(input)?.messages ?? input);
  if (list.length === 0) return [messageOf(input, "user")];
  // The texts of an embeddings request, or several prompts.
  if (list.every((each) => typeof each === "string")) return [{ role: "user", parts: list.map(textPart) }];
  return list.map((each) => messageOf(each, "user"));
}

/**
 * What a run answered: one message for each choice. The items of a response, and a list of content blocks,
 * are one answer together; only they have types.
 */
export function outputMessagesOf(run: Run, output: Json): readonly Message[] {
  const list = listOf(plain(output)?.candidates ?? output);
  const isOneAnswer = list.some((each) => typeof plain(each)?.type === "string");
  const choices = list.length === 0 || isOneAnswer ? [isOneAnswer ? list : output] : list;
  return choices.map((choice, index) => {
    const message = messageOf(plain(plain(choice)?.content) ?? choice, "assistant");
    return { ...message, finish_reason: finishReasonOf(run, index) };
  });
}

/** What a provider is told apart from the conversation: Anthropic, OpenAI's responses, Gemini. */
export function systemPartsOf(run: Run): readonly Part[] {
  const { params } = run.request ?? {};
  const given = params?.system ?? params?.instructions ?? params?.systemInstruction;
  return partsOf(plain(given)?.parts ?? given);
}

function messageOf(given: Json, roleOtherwise: string): Message {
  const message = plain(given);
  if (message === undefined) return { role: roleOtherwise, parts: partsOf(given) };
  const { role, name } = message;
  if (typeof role !== "string") {
    const isParts = Array.isArray(message.parts);
    return {
      role: roleOfItem(message, roleOtherwise),
      parts: partsOf(isParts ? message.parts : given),
    };
  }
  return {
    role: role === "model" ? "assistant" : role,
    parts: role === "tool" && message.tool_call_id !== undefined ? answerOf(message) : contentOf(message),
    ...(typeof name === "string" && { name }),
  };
}

/** Of what OpenAI's responses hold beside messages. */
function roleOfItem({ type }: JsonObject, otherwise: string): string {
  if (typeof type !== "string") return otherwise;
  if (type.endsWith("_output")) return "tool";
  return type.endsWith("_call") || type === "reasoning" ? "assistant" : otherwise;
}

function answerOf({ tool_call_id: id, content }: JsonObject): readonly Part[] {
  return [toolResponsePart(id, content)];
}

/** Thoughts first, as they came; then what was said, then which tools were asked for. */
function contentOf(message: JsonObject): readonly Part[] {
  const called = objectOf(message.function_call);
  return [
    ...reasoningParts(message.reasoning_content ?? message.reasoning ?? message.thinking),
    ...partsOf(message.content ?? message.parts),
    ...partsOf(message.refusal),
    ...partsOf(objectOf(message.audio)?.transcript),
    ...listOf(message.tool_calls).flatMap((each) => toolCallOf(objectOf(each) ?? {})),
    ...(called ? [toolCallPart(undefined, called.name, called.arguments)] : []),
  ];
}

function toolCallOf(call: JsonObject): Part {
  const asked = objectOf(call.function) ?? objectOf(call.custom) ?? call;
  return toolCallPart(call.id, asked.name, asked.arguments ?? asked.input);
}

/** Providers' words for the reasons that the conventions know. Any other word stays. */
const FINISH_REASONS: ReadonlyMap<string, string> = new Map([
  ["completed", "stop"],
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["STOP", "stop"],
  ["max_tokens", "length"],
  ["max_output_tokens", "length"],
  ["MAX_TOKENS", "length"],
  ["model_context_window_exceeded", "length"],
  ["refusal", "content_filter"],
  ["SAFETY", "content_filter"],
  ["tool_calls", "tool_call"],
  ["tool_use", "tool_call"],
  ["function_call", "tool_call"],
  ["failed", "error"],
]);

function finishReasonOf(run: Run, index: number): string {
  const reason = run.response?.finishReasons?.[index] ?? run.response?.finishReasons?.[0];
  if (reason !== undefined) return FINISH_REASONS.get(reason) ?? reason;
  return run.status === undefined || run.status === "ok" ? "stop" : run.status;
}

/** An object, and no number that kept its text. */
function plain(value: Json | undefined): JsonObject | undefined {
  return numberOf(value) === undefined ? objectOf(value) : undefined;
}
