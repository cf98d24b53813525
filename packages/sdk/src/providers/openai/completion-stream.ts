import type { JsonObject, RunError, Usage } from "../../event/event.ts";
import type { Reading, StreamReader } from "../provider.ts";
import { createSseSplitter, type ServerSentEvent } from "../sse.ts";
import { usageOf } from "../usage/usage.ts";
import { outputOf, readingOf } from "./body.ts";
import { errorFrom, errorOf } from "./error.ts";
import { indexOf, listOf, objectOf, parseObject, textOf } from "./wire.ts";

/** Choices of one answer. OpenAI allows 128. */
const CHOICES_MAX = 128;

interface Choice {
  text: string;
  finishReason?: string;
}

/** Reads `data: {text_completion}` … `data: [DONE]`: the older API, parsed chunk by chunk. */
export function openCompletionStream(charsMax: number): StreamReader {
  return new CompletionStream(charsMax);
}

class CompletionStream implements StreamReader {
  readonly #choices: Choice[] = [];
  readonly #splitter = createSseSplitter({ onEvent: (event) => this.#read(event) });
  #charsLeft: number;
  #isCut = false;
  #isDone = false;
  #hasContent = false;
  #head: JsonObject = {};
  #usage: Usage | undefined;
  #error: RunError | undefined;

  constructor(charsMax: number) {
    this.#charsLeft = charsMax;
  }

  get hasContent(): boolean {
    return this.#hasContent;
  }

  feed(text: string): void {
    this.#splitter.feed(text);
  }

  end(): Reading {
    this.#splitter.end();
    const choices = this.#choices.filter((choice) => choice !== undefined);
    const finishReasons = choices.flatMap((choice) => choice.finishReason ?? []);
    const hasAllReasons = choices.length > 0 && finishReasons.length === choices.length;
    const reading = readingOf(this.#head, {
      ...(choices.length > 0 && { output: outputOf(choices.map((choice) => choice.text)) }),
      finishReasons,
      ...(this.#error !== undefined && { error: this.#error }),
      toolCalls: [],
    });
    return {
      ...reading,
      ...(this.#usage !== undefined && { usage: this.#usage }),
      isComplete: this.#isDone || hasAllReasons || this.#error !== undefined,
      isCut: this.#isCut,
    };
  }

  #read(event: ServerSentEvent): void {
    if (event.data.startsWith("[DONE]")) {
      this.#isDone = true;
      return;
    }
    const chunk = parseObject(event.data);
    if (chunk === undefined) return;
    this.#error ??= event.name === "error" ? (errorOf(chunk) ?? errorFrom(chunk)) : errorOf(chunk);
    if (this.#head.id === undefined && textOf(chunk.id) !== undefined) this.#head = chunk;
    this.#usage = usageOf(chunk.usage) ?? this.#usage;
    for (const value of listOf(chunk.choices)) {
      const wire = objectOf(value);
      if (wire !== undefined) this.#readChoice(wire);
    }
  }

  #readChoice(wire: JsonObject): void {
    const index = indexOf(wire.index);
    if (index >= CHOICES_MAX) return;
    const choice = this.#choices[index] ?? { text: "" };
    this.#choices[index] = choice;
    const finishReason = textOf(wire.finish_reason);
    if (finishReason !== undefined) choice.finishReason = finishReason;
    const text = textOf(wire.text);
    if (text === undefined) return;
    this.#hasContent = true;
    if (text.length > this.#charsLeft) this.#isCut = true;
    choice.text += text.slice(0, this.#charsLeft);
    this.#charsLeft = Math.max(0, this.#charsLeft - text.length);
  }
}
