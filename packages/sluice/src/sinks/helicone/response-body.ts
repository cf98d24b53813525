import type { Json, JsonObject, Run } from "@sluice/sdk";
import { listOf, objectOf } from "@sluice/sdk/internal";
import { withoutSeals } from "../withheld.ts";
import type { WireFormat } from "./provider.ts";
import { modelOf, type Operation } from "./request-body.ts";
import { usageInShapeOf } from "./usage-shape.ts";

/** What a model answered, in the provider's own shape, so that Helicone finds model, text and usage in it. */
export function modelResponseOf(run: Run, format: WireFormat, operation: Operation): JsonObject {
  const output = withoutSeals(run.response?.output ?? null);
  const usage = usageInShapeOf(format, run.usage, operation === "responses" ? "responses" : "chat");
  const model = run.response?.model ?? modelOf(run);
  const id = run.response?.id;
  const head = id === undefined ? {} : { id };
  switch (format) {
    case "anthropic":
      return { ...head, ...anthropicAnswer(run, output), model, ...(usage && { usage }) };
    case "google":
      return {
        ...(id !== undefined && { responseId: id }),
        candidates: candidatesOf(run, output),
        // Its own word for it is modelVersion; Helicone looks for `model` first.
        modelVersion: model,
        model,
        ...(usage && { usageMetadata: usage }),
      };
    case "openai":
      return { ...head, ...openaiAnswer(run, output, operation), model, ...(usage && { usage }) };
  }
}

function openaiAnswer(run: Run, output: Json, operation: Operation): JsonObject {
  const created = Math.floor((Date.parse(run.startTime ?? "") || 0) / 1_000);
  switch (operation) {
    case "chat":
      return { object: "chat.completion", created, choices: choicesOf(run, output, chatChoice) };
    case "completion":
      return { object: "text_completion", created, choices: choicesOf(run, output, textChoice) };
    case "embeddings":
      return { object: "list", data: [] };
    case "responses": {
      const status = run.status === "ok" ? "completed" : "incomplete";
      return { object: "response", created_at: created, status, output: itemsOf(output) };
    }
  }
}

/** One choice stands for itself in a run; several are a list. */
function choicesOf(run: Run, output: Json, choice: (said: Json) => JsonObject): readonly Json[] {
  if (output === null) return [];
  const outputs = isMessages(output) || isTexts(output) ? listOf(output) : [output];
  return outputs.map((said, index) => ({
    index,
    ...choice(said),
    finish_reason: run.response?.finishReasons?.[index] ?? null,
  }));
}

function chatChoice(said: Json): JsonObject {
  const message = objectOf(said);
  if (message && ("role" in message || "content" in message)) {
    return { message: { role: "assistant", ...message } };
  }
  return { message: { role: "assistant", content: textOf(said) } };
}

function textChoice(said: Json): JsonObject {
  return { text: textOf(said) };
}

/** The items of a response; a lone text is one message. */
function itemsOf(output: Json): readonly Json[] {
  if (output === null) return [];
  if (listOf(output).some((item) => objectOf(item)?.type !== undefined)) return listOf(output);
  const content = [{ type: "output_text", text: textOf(objectOf(output)?.content ?? output) }];
  return [{ type: "message", role: "assistant", content }];
}

/** A message of blocks: the blocks themselves, a message that has them, or a text. */
function anthropicAnswer(run: Run, output: Json): JsonObject {
  const content = objectOf(output)?.content ?? output;
  const stopReason = run.response?.finishReasons?.[0];
  return {
    type: "message",
    role: "assistant",
    content: isBlocks(content) ? content : content === null ? [] : [{ type: "text", text: textOf(content) }],
    ...(stopReason !== undefined && { stop_reason: stopReason }),
  };
}

/** Gemini's candidates: as they came, or made of contents, parts or a text. */
function candidatesOf(run: Run, output: Json): readonly Json[] {
  if (output === null) return [];
  const items = listOf(output).map(objectOf);
  const isList = items.length > 0 && items.every((item) => item !== undefined);
  if (isList && items.every((item) => objectOf(item?.content)?.parts !== undefined)) return listOf(output);
  const answers = isList && items.every((item) => item?.parts !== undefined) ? listOf(output) : [output];
  return answers.map((answer, index) => {
    const finishReason = run.response?.finishReasons?.[index];
    return {
      content: { role: "model", parts: partsOf(answer, isList) },
      index,
      ...(finishReason !== undefined && { finishReason }),
    };
  });
}

function partsOf(answer: Json, isList: boolean): Json {
  const { parts, content } = objectOf(answer) ?? {};
  if (parts !== undefined) return parts;
  const said = content ?? answer;
  const isParts = isList && said === answer && !isMessages(said);
  return isParts ? said : [{ text: textOf(said) }];
}

function isMessages(output: Json): boolean {
  const items = listOf(output).map(objectOf);
  return items.length > 0 && items.every((item) => item?.role !== undefined);
}

function isTexts(output: Json): boolean {
  const items = listOf(output);
  return items.length > 0 && items.every((item) => typeof item === "string");
}

function isBlocks(content: Json): boolean {
  const items = listOf(content).map(objectOf);
  return items.length > 0 && items.every((item) => item?.type !== undefined);
}

function textOf(said: Json): string {
  return typeof said === "string" ? said : JSON.stringify(said);
}
