import type { Event, Json, JsonObject, Run, Usage } from "../../event.ts";
import { completionTokensOf, promptTokensOf } from "../../token-totals.ts";
import { isComplete } from "../../validate.ts";
import { isPayloadObject } from "../foreign.ts";
import { given } from "../given.ts";
import type { StreamEventType } from "./stream-event.ts";

/**
 * An event that did not come in the stream form, as the steps of an answer: all of them for the complete end
 * of a model call, one for a `run.delta`, none for any other kind. Tool calls have no step.
 */
export function projectToStream(event: Event): readonly JsonObject[] {
  if (event.kind === "run.delta") return deltaOf(event);
  return isComplete(event) && event.run?.type === "llm" ? answerOf(event, event.run) : [];
}

function deltaOf({ data, time }: Event): readonly JsonObject[] {
  if (!isPayloadObject(data)) return [];
  const { text, thinking, index } = data;
  const which = given("index", index);
  return [
    ...(typeof thinking === "string" ? [step("Thinking", { thinking, ...which }, time)] : []),
    ...(typeof text === "string" ? [step("TextDelta", { text, ...which }, time)] : []),
  ];
}

function answerOf(event: Event, run: Run): readonly JsonObject[] {
  const { time } = event;
  const messageId = run.response?.id ?? event.runId;
  const pieceTime = run.firstTokenTime ?? time;
  const usage = run.usage && usageOf(run.usage);
  return [
    step("MessageStart", { message_id: messageId }, run.startTime ?? time),
    ...contentOf(run.response?.output, pieceTime),
    ...(usage === undefined ? [] : [step("Usage", usage, time)]),
    lastOf(run, messageId, time),
  ];
}

function lastOf(run: Run, messageId: string | undefined, time: string): JsonObject {
  const { status, reason, error } = run;
  if (status === "error" || status === "incomplete") {
    const message = error?.message ?? (reason === undefined ? status : `${status}: ${reason}`);
    return step("Error", { error: message }, time);
  }
  const stopReason = run.response?.finishReasons?.[0] ?? (status === "cancelled" ? status : undefined);
  return step("MessageStop", { message_id: messageId, ...given("stop_reason", stopReason) }, time);
}

function usageOf(usage: Usage): JsonObject | undefined {
  const prompt = promptTokensOf(usage);
  const completion = completionTokensOf(usage);
  if (prompt === undefined && completion === undefined) return undefined;
  return {
    ...given("prompt_tokens", prompt),
    ...given("completion_tokens", completion),
    ...(prompt !== undefined && completion !== undefined && { total_tokens: prompt + completion }),
  };
}

/** Each text of the output is a block; a thought stands before the block that it led to. */
function* contentOf(output: Json | undefined, time: string): Iterable<JsonObject> {
  let index = 0;
  for (const { text, isThought } of textsOf(output, false)) {
    if (isThought) {
      yield step("Thinking", { thinking: text }, time);
      continue;
    }
    yield step("ContentStart", { index }, time);
    yield step("TextDelta", { text }, time);
    yield step("ContentEnd", { index }, time);
    index++;
  }
}

interface Text {
  readonly text: string;
  readonly isThought: boolean;
}

/**
 * Every text of an answer in its order, wherever providers put it: a text, a message with content or parts, a
 * list of choices or of output items.
 */
function* textsOf(value: Json | undefined, isThought: boolean): Iterable<Text> {
  if (typeof value === "string") {
    if (value !== "") yield { text: value, isThought };
  } else if (Array.isArray(value)) {
    for (const item of value) yield* textsOf(item, isThought);
  } else if (isPayloadObject(value)) {
    const isOfThought = isThought || THOUGHTS.has(String(value.type));
    for (const member of ["thinking", "reasoning_content", "summary"]) yield* textsOf(value[member], true);
    for (const member of ["content", "text", "refusal"]) yield* textsOf(value[member], isOfThought);
  }
}

/** Types of items and parts whose text is a thought. */
const THOUGHTS = new Set(["reasoning", "reasoning_text", "summary_text", "thinking"]);

function step(type: StreamEventType, data: JsonObject, timestamp: string): JsonObject {
  return { type, data, timestamp };
}
