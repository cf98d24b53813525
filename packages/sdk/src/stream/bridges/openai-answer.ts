import {
  contentEndEvent,
  contentStartEvent,
  errorEvent,
  messageStartEvent,
  messageStopEvent,
  type StreamEvent,
  streamEvent,
  textDeltaEvent,
  thinkingEvent,
} from "../../event/dialects/stream/stream-event.ts";
import type { JsonObject } from "../../event/event.ts";
import { errorFrom, errorOf } from "../../providers/openai/error.ts";
import { indexOf, listOf, objectOf, textOf } from "../../providers/openai/wire.ts";

/**
 * Reads the chunks of one OpenAI answer, chat completion or response, as stream events:
 *
 *     MessageStart (ContentStart (Thinking | TextDelta)… ContentEnd)… Usage? MessageStop
 *
 * or, wherever it breaks, Error as the last one. Nothing is made up: no Usage unless the provider counted, no
 * MessageStop unless it said why it stopped. A block is a choice of a completion, or a part of an output item
 * of a response; it starts with its first delta and is numbered in the order of these. A delta belongs to the
 * block that started last; one that does not (several choices come interleaved) names its block as `index`.
 * A refusal is text. Tool calls have no event in this dialect; MessageStop says `tool_calls`. The reason of
 * several choices is that of the first.
 */
export class OpenAIAnswer {
  readonly #fallbackId: string;
  readonly #blocks: Block[] = [];
  #events: StreamEvent[] = [];
  #id: string | undefined;
  #blockCount = 0;
  #usage: JsonObject | undefined;
  #stopReason: string | undefined;
  #isOver = false;

  /** `fallbackId` names the message of a server that gives it no id. */
  constructor(fallbackId: string) {
    this.#fallbackId = fallbackId;
  }

  /** The events that a chunk means; none for one that says nothing new, or that is of another kind. */
  read(chunk: unknown): readonly StreamEvent[] {
    const body = objectOf(chunk);
    if (body === undefined || this.#isOver) return [];
    if (Array.isArray(body.choices)) this.#readCompletion(body);
    else if (textOf(body.type)?.startsWith("response.")) this.#readResponse(body);
    const error = errorOf(body);
    if (error !== undefined) this.#fail(error.message);
    return this.#take();
  }

  /** The events that the end of the chunks means. */
  end(): readonly StreamEvent[] {
    if (this.#isOver) return [];
    // A completion ends each of its blocks with a reason.
    if (this.#stopReason !== undefined && this.#blocks.length === 0) this.#stop(this.#stopReason);
    else this.#fail("The answer ended before it was complete.");
    return this.#take();
  }

  /** The events that it means when no further chunk can be had. */
  fail(error: unknown): readonly StreamEvent[] {
    if (this.#isOver) return [];
    this.#fail(error instanceof Error ? error.message : String(error));
    return this.#take();
  }

  #readCompletion(chunk: JsonObject): void {
    // Azure begins with a chunk about its filters that has an empty id.
    const id = textOf(chunk.id);
    if (id !== undefined) this.#start(id);
    for (const value of listOf(chunk.choices)) {
      const choice = objectOf(value);
      if (choice !== undefined) this.#readChoice(choice);
    }
    // The last one counts: some servers send the count so far with every chunk.
    this.#usage = objectOf(chunk.usage) ?? this.#usage;
  }

  #readChoice(choice: JsonObject): void {
    const place = indexOf(choice.index);
    const delta = objectOf(choice.delta) ?? {};
    // What servers that speak the same protocol call their thoughts.
    this.#think(place, "", textOf(delta.reasoning_content) ?? textOf(delta.reasoning));
    this.#say(place, "", textOf(delta.content));
    this.#say(place, "", textOf(delta.refusal));
    const reason = textOf(choice.finish_reason);
    if (reason === undefined) return;
    if (place === 0 || this.#stopReason === undefined) this.#stopReason = reason;
    this.#endBlock(place);
  }

  #readResponse(event: JsonObject): void {
    const place = indexOf(event.output_index);
    const part = String(event.summary_index ?? event.content_index ?? "");
    switch (event.type) {
      case "response.created":
        this.#start(textOf(objectOf(event.response)?.id) ?? this.#fallbackId);
        break;
      case "response.output_text.delta":
      case "response.refusal.delta":
        this.#say(place, `text ${part}`, textOf(event.delta));
        break;
      case "response.reasoning_text.delta":
        this.#think(place, `thought ${part}`, textOf(event.delta));
        break;
      case "response.reasoning_summary_text.delta":
        this.#think(place, `summary ${part}`, textOf(event.delta));
        break;
      case "response.output_item.done":
        this.#endBlock(place);
        break;
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        this.#readLast(objectOf(event.response) ?? {}, event.type.slice("response.".length));
    }
  }

  #readLast(response: JsonObject, status: string): void {
    this.#usage = objectOf(response.usage);
    if (status === "failed") {
      this.#addUsage();
      this.#fail(errorFrom(objectOf(response.error) ?? {}).message);
    } else {
      this.#stop(textOf(objectOf(response.incomplete_details)?.reason) ?? status);
    }
  }

  #start(id: string): void {
    if (this.#id !== undefined) return;
    this.#id = id;
    this.#events.push(messageStartEvent(id));
  }

  #say(place: number, part: string, text: string | undefined): void {
    if (text === undefined) return;
    const block = this.#blockAt(place, part);
    const isNewest = block.index === this.#blockCount - 1;
    this.#events.push(
      isNewest ? textDeltaEvent(text) : streamEvent("TextDelta", { text, index: block.index }),
    );
  }

  #think(place: number, part: string, thinking: string | undefined): void {
    if (thinking === undefined) return;
    const { index } = this.#blockAt(place, part);
    const isNewest = index === this.#blockCount - 1;
    this.#events.push(isNewest ? thinkingEvent(thinking) : streamEvent("Thinking", { thinking, index }));
  }

  /** The open block of a choice or output item; a new part of an item ends the one before it. */
  #blockAt(place: number, part: string): Block {
    const open = this.#blocks.find((block) => block.place === place);
    if (open?.part === part) return open;
    if (open !== undefined) this.#endBlock(place);
    this.#start(this.#fallbackId);
    const block = { place, part, index: this.#blockCount++ };
    this.#blocks.push(block);
    this.#events.push(contentStartEvent(block.index));
    return block;
  }

  #endBlock(place: number): void {
    const at = this.#blocks.findIndex((block) => block.place === place);
    const [block] = at < 0 ? [] : this.#blocks.splice(at, 1);
    if (block !== undefined) this.#events.push(contentEndEvent(block.index));
  }

  #addUsage(): void {
    const usage = this.#usage === undefined ? {} : countsOf(this.#usage);
    if (Object.keys(usage).length > 0) this.#events.push(streamEvent("Usage", usage));
  }

  #stop(reason: string): void {
    this.#start(this.#fallbackId);
    for (const { index } of this.#blocks.splice(0)) this.#events.push(contentEndEvent(index));
    this.#addUsage();
    this.#events.push(messageStopEvent(this.#id ?? this.#fallbackId, reason));
    this.#isOver = true;
  }

  #fail(message: string): void {
    this.#events.push(errorEvent(message));
    this.#isOver = true;
  }

  #take(): readonly StreamEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

interface Block {
  /** The choice, or the output item. */
  readonly place: number;
  readonly part: string;
  readonly index: number;
}

/** The counts that the provider gave, in the seed's names; the total is theirs, or the sum of both. */
function countsOf(usage: JsonObject): JsonObject {
  const prompt = countOf(usage.prompt_tokens) ?? countOf(usage.input_tokens);
  const completion = countOf(usage.completion_tokens) ?? countOf(usage.output_tokens);
  const sum = prompt === undefined || completion === undefined ? undefined : prompt + completion;
  const total = countOf(usage.total_tokens) ?? sum;
  return {
    ...(prompt !== undefined && { prompt_tokens: prompt }),
    ...(completion !== undefined && { completion_tokens: completion }),
    ...(total !== undefined && { total_tokens: total }),
  };
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
