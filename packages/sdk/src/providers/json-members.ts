/**
 * The members of a JSON object as raw text: what a capture stores of a request is the sender's own bytes, so
 * that a number keeps its digits and nothing is stringified twice. Made for text that `JSON.parse` has
 * accepted, or for the beginning of such a text; of anything else it makes some members or none, never an
 * exception.
 */
export interface Members {
  readonly members: readonly Member[];
  /** How deep objects and lists are nested in the deepest member. */
  readonly depth: number;
}

interface Member {
  /** Without quotes, escapes as they stand. */
  readonly name: string;
  readonly raw: string;
  /** The text ended inside this value. */
  readonly isCut: boolean;
}

const QUOTE = 34;
const COMMA = 44;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

export function membersOf(text: string): Members {
  const members: Member[] = [];
  const depth = { deepest: 0 };
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== OPEN_OBJECT) return { members, depth: 0 };
  at = skipSpace(text, at + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = endOfString(text, at);
    if (nameEnd < 0) break;
    const valueAt = skipSpace(text, skipSpace(text, nameEnd) + 1);
    if (valueAt >= text.length) break;
    const valueEnd = endOfValue(text, valueAt, depth);
    const isCut = valueEnd < 0;
    const raw = isCut ? text.slice(valueAt) : text.slice(valueAt, valueEnd);
    members.push({ name: text.slice(at + 1, nameEnd - 1), raw, isCut });
    if (isCut) break;
    at = skipSpace(text, valueEnd);
    if (text.charCodeAt(at) !== COMMA) break;
    at = skipSpace(text, at + 1);
  }
  return { members, depth: depth.deepest };
}

/** Where the string that opens at `from` has ended (after its quote); -1 if it does not. */
export function endOfString(text: string, from: number): number {
  let quote = text.indexOf('"', from + 1);
  while (quote >= 0) {
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return -1;
}

/** Where the value that begins at `from` has ended; -1 if the text ends first. */
export function endOfValue(text: string, from: number, depth?: { deepest: number }): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return endOfString(text, from);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) return endOfPrimitive(text, from);
  let open = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at) - 1;
      if (at < 0) return -1;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      open++;
      if (depth !== undefined && open > depth.deepest) depth.deepest = open;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      open--;
      if (open === 0) return at + 1;
    }
  }
  return -1;
}

/** Without the white space between tokens: a stored event is one line, whatever its sender's taste. */
export function compactJson(text: string): string {
  if (!/[\n\r\t ]/.test(text)) return text;
  let compact = "";
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (end < 0) break;
      at = end - 1;
    } else if (isSpace(code)) {
      compact += text.slice(from, at);
      from = at + 1;
    }
  }
  return compact + text.slice(from);
}

function endOfPrimitive(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === CLOSE_OBJECT || code === CLOSE_LIST || isSpace(code)) return at;
  }
  return -1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}
