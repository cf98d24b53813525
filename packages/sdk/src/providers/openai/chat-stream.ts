import type { JsonObject, RunError, Usage } from "../../event/event.ts";
import type { Reading, StreamReader } from "../provider.ts";
import { createSseSplitter, type ServerSentEvent } from "../sse.ts";
import { usageOf } from "../usage/usage.ts";
import { outputOf, readingOf } from "./body.ts";
import { ChatChoice, type Room } from "./chat-choice.ts";
import { errorFrom, errorOf } from "./error.ts";
import { learnTemplate, skimChunks, type Template } from "./template.ts";
import { toolCallsOfMessage } from "./tool-calls.ts";
import { usageInTail } from "./usage-in-tail.ts";
import { indexOf, listOf, objectOf, parseObject, textOf } from "./wire.ts";

/** Choices of one answer. OpenAI allows 128. */
const CHOICES_MAX = 128;
/** A stream whose chunks never stay alike is parsed chunk by chunk; more lessons would only cost. */
const LESSONS_MAX = 16;
/** A template that fits this often has paid for the next lesson. */
const CHUNKS_PER_LESSON = 4;

/**
 * Reads `data: {chat.completion.chunk}` … `data: [DONE]`, with several choices, tool calls in fragments,
 * usage at the end.
 */
export function openChatStream(charsMax: number): StreamReader {
  return new ChatStream(charsMax);
}

class ChatStream implements StreamReader {
  readonly #choices: ChatChoice[] = [];
  readonly #room: Room;
  readonly #splitter = createSseSplitter({
    onEvent: (event, raw) => this.#read(event, raw),
    skim: (text, from) => this.#skim(text, from),
  });
  #template: Template | undefined;
  #lessons = 0;
  #skimmed = 0;
  #hasContent = false;
  #isDone = false;
  #head: JsonObject = {};
  #usage: Usage | undefined;
  #error: RunError | undefined;

  constructor(charsMax: number) {
    this.#room = { left: charsMax, isCut: false };
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
    const messages = choices.map((choice) => choice.message());
    const finishReasons = choices.flatMap((choice) => choice.finishReason ?? []);
    const hasAllReasons = choices.length > 0 && finishReasons.length === choices.length;
    const reading = readingOf(this.#head, {
      ...(messages.length > 0 && { output: outputOf(messages) }),
      finishReasons,
      ...(this.#error !== undefined && { error: this.#error }),
      toolCalls: messages.flatMap(toolCallsOfMessage),
    });
    return {
      ...reading,
      ...(this.#usage !== undefined && { usage: this.#usage }),
      isComplete: this.#isDone || hasAllReasons || this.#error !== undefined,
      isCut: this.#room.isCut,
    };
  }

  #skim(text: string, from: number): number {
    const template = this.#template;
    if (template === undefined) return from;
    const skimmed = skimChunks(template, text, from);
    if (skimmed === undefined) return from;
    this.#skimmed += skimmed.chunks;
    if (skimmed.text !== "") this.#hasContent = true;
    this.#choice(template.index)?.addContent(skimmed.text);
    return skimmed.end;
  }

  #read(event: ServerSentEvent, raw: string): void {
    if (event.data.startsWith("[DONE]")) {
      this.#isDone = true;
      return;
    }
    if (event.tail !== undefined) this.#usage = usageInTail(event.tail) ?? this.#usage;
    const chunk = parseObject(event.data);
    if (chunk === undefined) return;
    this.#error ??= event.name === "error" ? (errorOf(chunk) ?? errorFrom(chunk)) : errorOf(chunk);
    this.#readChunk(chunk);
    const mayLearn = this.#lessons < LESSONS_MAX && this.#skimmed >= this.#lessons * CHUNKS_PER_LESSON;
    const lesson = mayLearn ? learnTemplate(raw, chunk) : undefined;
    if (lesson === undefined) return;
    this.#template = lesson;
    this.#lessons++;
  }

  #readChunk(chunk: JsonObject): void {
    if (this.#head.id === undefined && textOf(chunk.id) !== undefined) this.#head = chunk;
    this.#usage = usageOf(chunk.usage) ?? this.#usage;
    for (const value of listOf(chunk.choices)) {
      const wire = objectOf(value);
      const choice = wire && this.#choice(indexOf(wire.index));
      if (wire === undefined || choice === undefined) continue;
      choice.finish(textOf(wire.finish_reason));
      const delta = objectOf(wire.delta);
      if (delta !== undefined && choice.add(delta)) this.#hasContent = true;
    }
  }

  #choice(index: number): ChatChoice | undefined {
    if (index >= CHOICES_MAX) return undefined;
    this.#choices[index] ??= new ChatChoice(this.#room);
    return this.#choices[index];
  }
}
