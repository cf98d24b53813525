import type { JsonObject } from "../../event/event.ts";
import { endOfString } from "../json-members.ts";
import { listOf, objectOf } from "./wire.ts";

/**
 * The cheap way through a chat stream. Most chunks of one stream are the same text but for the token (and
 * OpenAI's random `obfuscation`): once a chunk has been parsed and is such a plain one, its text around the
 * token is a template, and the chunks that match it character for character are read by slicing, an eighth of
 * the cost of `JSON.parse`. What does not match exactly is parsed as ever; what is sliced is what parsing
 * would have given, which the tests prove over every recording.
 *
 *     data: {"id":…,"choices":[{"delta":{"content":" token "},"finish_reason":null}],"obfuscation":" xYz "}⏎⏎
 *     └───────────────── prefix ──────────────────┘       └───────────── middle ─────────────────┘     └tail┘
 */
export interface Template {
  readonly index: number;
  readonly prefix: string;
  readonly middle: string;
  /** Empty when the middle reaches to the end of the chunk. */
  readonly tail: string;
}

export interface Skimmed {
  /** Where the chunks that were taken end. */
  readonly end: number;
  /** Their tokens, joined. */
  readonly text: string;
  readonly chunks: number;
}

const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;
const CONTENT = '"content":"';
const OBFUSCATION = '"obfuscation":"';

/**
 * The template of a parsed chunk whose text is `raw`; undefined when the chunk says more than one token of
 * one choice.
 */
export function learnTemplate(raw: string, chunk: JsonObject): Template | undefined {
  if (!raw.startsWith("data:") || !raw.endsWith("\n\n") || raw.indexOf("\n") !== raw.length - 2)
    return undefined;
  const choice = plainChoiceOf(chunk);
  const delta = objectOf(choice?.delta);
  const index = choice?.index;
  const content = delta?.content;
  if (typeof content !== "string" || Object.keys(delta ?? {}).length !== 1) return undefined;
  if (typeof index !== "number") return undefined;
  const open = raw.indexOf(CONTENT) + CONTENT.length;
  if (open < CONTENT.length || raw.includes(CONTENT, open)) return undefined;
  const close = endOfString(raw, open - 1) - 1;
  if (JSON.stringify(content) !== `"${raw.slice(open, close)}"`) return undefined;
  const prefix = raw.slice(0, open);
  const second = raw.indexOf(OBFUSCATION, close);
  if (second < 0) return { index, prefix, middle: raw.slice(close), tail: "" };
  const middleEnd = second + OBFUSCATION.length;
  return {
    index,
    prefix,
    middle: raw.slice(close, middleEnd),
    tail: raw.slice(endOfString(raw, middleEnd - 1) - 1),
  };
}

/** Takes as many chunks as match, from where one begins. Undefined when not even the first does. */
export function skimChunks(template: Template, text: string, from: number): Skimmed | undefined {
  const { prefix, middle, tail } = template;
  let taken = "";
  let chunks = 0;
  let at = from;
  // Comparing a substring is the fastest exact comparison there is here: no copy, then memcmp.
  while (text.substring(at, at + prefix.length) === prefix) {
    const open = at + prefix.length;
    const close = plainEnd(text, open);
    const piece = close < 0 ? undefined : text.substring(open, close);
    const escaped = piece === undefined ? escapedString(text, open) : undefined;
    const middleAt = piece === undefined ? (escaped?.end ?? -1) : close;
    if (middleAt < 0) break;
    let end = middleAt + middle.length;
    if (text.substring(middleAt, end) !== middle) break;
    if (tail !== "") {
      const tailAt = plainEnd(text, end);
      if (tailAt < 0 || text.substring(tailAt, tailAt + tail.length) !== tail) break;
      end = tailAt + tail.length;
    }
    taken += piece ?? escaped?.text ?? "";
    chunks++;
    at = end;
  }
  return chunks === 0 ? undefined : { end: at, text: taken, chunks };
}

/**
 * Where the string that is open at `from` closes, if it holds nothing that JSON would have to read; -1 if it
 * does, or is cut.
 */
function plainEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH || code < SPACE) return -1;
  }
  return -1;
}

/**
 * The string with escapes that is open at `from`. Undefined when it is cut or no JSON: then parsing the chunk
 * finds the same.
 */
function escapedString(
  text: string,
  from: number,
): { readonly end: number; readonly text: string } | undefined {
  const end = endOfString(text, from - 1) - 1;
  if (end < from) return undefined;
  try {
    return { end, text: JSON.parse(text.substring(from - 1, end + 1)) };
  } catch {
    return undefined;
  }
}

/**
 * The only choice of a chunk that has nothing else to say: no end, no usage, no error, no log probabilities.
 */
function plainChoiceOf(chunk: JsonObject): JsonObject | undefined {
  const choices = listOf(chunk.choices);
  const choice = choices.length === 1 ? objectOf(choices[0]) : undefined;
  const silent = [choice?.finish_reason, choice?.logprobs, chunk.usage, chunk.error];
  return silent.every((value) => value === null || value === undefined) ? choice : undefined;
}
