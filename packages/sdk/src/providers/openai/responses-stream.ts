import type { Json, JsonObject, RunError, Usage } from "../../event/event.ts";
import type { Reading, StreamReader } from "../provider.ts";
import { createSseSplitter, type ServerSentEvent } from "../sse.ts";
import { readingOf, readResponse } from "./body.ts";
import { errorFrom, errorOf } from "./error.ts";
import { assembleItems } from "./response-items.ts";
import { usageInTail } from "./usage-in-tail.ts";
import { objectOf, parseObject, textOf } from "./wire.ts";

/**
 * Reads the event stream of a response. Its last event (`response.completed`, `.incomplete`, `.failed`)
 * repeats the whole answer with its usage, so the events before it are kept unread, and only a stream that
 * lacks that last event is put together from its items and deltas. `error` ends a stream too. When one stream
 * holds several responses, the last one counts.
 */
export function openResponsesStream(charsMax: number): StreamReader {
  return new ResponsesStream(charsMax);
}

const TERMINAL = new Set(["response.completed", "response.incomplete", "response.failed"]);
/**
 * `…delta` and `…item.done` are what a partial answer is made of, `created` names it; the rest repeats what
 * they say.
 */
const TELLING = /^response\.(created|output_item\.(added|done)|.*\.delta)$/;
const TYPE = /"type":\s*"((?:response\.|error)[a-z_.]*)"/;

class ResponsesStream implements StreamReader {
  readonly #charsMax: number;
  readonly #splitter = createSseSplitter({ onEvent: (event) => this.#read(event) });
  /** The data of telling events, as text. */
  #kept: string[] = [];
  #charsLeft: number;
  #isCut = false;
  #hasContent = false;
  #terminal: JsonObject | undefined;
  #tailUsage: Usage | undefined;
  #error: RunError | undefined;

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
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
    const reading = this.#terminal === undefined ? this.#partial() : this.#complete(this.#terminal);
    return {
      ...reading,
      ...(this.#error !== undefined && { error: this.#error, isComplete: true }),
      ...(this.#tailUsage !== undefined && { usage: this.#tailUsage, isComplete: true }),
    };
  }

  #read(event: ServerSentEvent): void {
    const type = event.name === "" ? (TYPE.exec(event.data)?.[1] ?? "") : event.name;
    if (TERMINAL.has(type)) this.#readTerminal(event);
    else if (type === "error" || type === "") this.#readError(event.data);
    else if (TELLING.test(type)) this.#keep(type, event);
  }

  #readTerminal(event: ServerSentEvent): void {
    this.#hasContent = true;
    if (event.tail !== undefined) {
      // Too long to read whole: its usage is read from its end, its output put together from the events
      // before it.
      this.#tailUsage = usageInTail(event.tail);
      this.#isCut = true;
      return;
    }
    const response = objectOf(parseObject(event.data)?.response);
    if (response === undefined) return;
    this.#terminal = response;
    this.#kept = [];
  }

  #readError(data: string): void {
    const body = parseObject(data);
    if (body === undefined) return;
    this.#error ??= errorOf(body) ?? (body.message === undefined ? undefined : errorFrom(body));
  }

  #keep(type: string, event: ServerSentEvent): void {
    if (type === "response.created") this.#begin();
    if (type.endsWith(".delta") || type === "response.output_item.done") this.#hasContent = true;
    const { data } = event;
    if (data.length > this.#charsLeft || event.tail !== undefined) {
      this.#isCut = true;
      return;
    }
    this.#charsLeft -= data.length;
    this.#kept.push(data);
  }

  #begin(): void {
    this.#kept = [];
    this.#charsLeft = this.#charsMax;
    this.#terminal = undefined;
    this.#isCut = false;
  }

  #complete(response: JsonObject): Reading {
    const said = readResponse(response);
    const reading = readingOf(response, said);
    const isLong = JSON.stringify(said.output ?? null).length > this.#charsMax;
    return isLong ? { ...reading, isCut: true } : reading;
  }

  #partial(): Reading {
    let head: JsonObject = {};
    const events: JsonObject[] = [];
    for (const data of this.#kept) {
      const event = parseObject(data);
      if (event === undefined) continue;
      if (event.type === "response.created") head = objectOf(event.response) ?? head;
      else events.push(event);
    }
    const output: readonly Json[] = assembleItems(events);
    const { finishReasons: _, ...said } = readResponse({ output });
    const reading = readingOf({ id: textOf(head.id), model: textOf(head.model) }, said);
    return { ...reading, isComplete: false, isCut: this.#isCut };
  }
}
