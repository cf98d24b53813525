import { characterAt, LETTER, LOWER, NEWLINE, NUMBER, SPACE, UPPER, widthOf } from "./characters.ts";

/** Where the piece ends that begins here. Tokens never reach from one piece into the next. */
export type PieceEnd = (bytes: Uint8Array, start: number) => number;

/*
 * OpenAI publishes the split of each encoding as a regular expression. These functions match what those do,
 * alternative by alternative, but look at no character more than three times: a regular expression goes back
 * as it likes, and keeps a stack entry for every character of a long word.
 */

/**
 * `[^\r\n\p{L}\p{N}]?[Upper]*[Lower]+(contraction)?`, the same with `[Upper]+[Lower]*`, `\p{N}{1,3}`,
 * ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, `\s*[\r\n]+`, `\s+(?!\S)`, `\s+`.
 */
export function o200kPieceEnd(bytes: Uint8Array, start: number): number {
  const first = characterAt(bytes, start);
  if (first & NUMBER) return numberEnd(bytes, start);
  const word = casedWordEnd(bytes, start, first);
  if (word > start) return contractionEnd(bytes, word);
  const symbols = symbolsEnd(bytes, start, first);
  if (symbols > start) return lineEndsEnd(bytes, symbols, SLASH);
  return spacesEnd(bytes, start, true);
}

/**
 * `contraction`, `[^\r\n\p{L}\p{N}]?\p{L}+`, `\p{N}{1,3}`, ` ?[^\s\p{L}\p{N}]+[\r\n]*`, `\s+$`,
 * `\s*[\r\n]`, `\s+(?!\S)`, `\s`.
 */
export function cl100kPieceEnd(bytes: Uint8Array, start: number): number {
  const contraction = contractionEnd(bytes, start);
  if (contraction > start) return contraction;
  const first = characterAt(bytes, start);
  if (first & NUMBER) return numberEnd(bytes, start);
  const word = wordEnd(bytes, start, first);
  if (word > start) return word;
  const symbols = symbolsEnd(bytes, start, first);
  if (symbols > start) return lineEndsEnd(bytes, symbols, NONE);
  return spacesEnd(bytes, start, false);
}

const SPACE_BYTE = 0x20;
const APOSTROPHE = 0x27;
const SLASH = 0x2f;
const NONE = -1;
const LETTER_CASE = 0x20;
const SHORT_ENDINGS = new Set([..."sdmt"].map((letter) => letter.charCodeAt(0)));
/** `ſ`: the expression does not mind the case of a contraction, and this is an `s` then. */
const LONG_S = [0xc5, 0xbf];
const LONG_ENDINGS = new Set(["ll", "ve", "re"].map((ending) => twoBytes(ending)));

/**
 * Capitals, then small letters. The small half needs one letter at least; where none follows, it takes the
 * last one of the first half that is of both kinds, and the capitals behind that are the next word. A mark
 * that could stand before the word is of both kinds too.
 */
function casedWordEnd(bytes: Uint8Array, start: number, first: number): number {
  const from = first & (LETTER | NUMBER | NEWLINE) ? start : start + widthOf(first);
  let lastOfBoth = from > start && first & LOWER ? from : start;
  let at = from;
  let character = characterAt(bytes, at);
  for (; character & UPPER; character = characterAt(bytes, at)) {
    at += widthOf(character);
    if (character & LOWER) lastOfBoth = at;
  }
  if ((character & LOWER) === 0) {
    if (lastOfBoth > start) return lastOfBoth;
    return at > from ? at : start;
  }
  for (; character & LOWER; character = characterAt(bytes, at)) at += widthOf(character);
  return at;
}

function wordEnd(bytes: Uint8Array, start: number, first: number): number {
  const from = first & (LETTER | NUMBER | NEWLINE) ? start : start + widthOf(first);
  let at = from;
  let character = characterAt(bytes, at);
  for (; character & LETTER; character = characterAt(bytes, at)) at += widthOf(character);
  return at > from ? at : start;
}

function contractionEnd(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== APOSTROPHE) return start;
  const one = bytes[start + 1] ?? 0;
  const two = bytes[start + 2] ?? 0;
  if (SHORT_ENDINGS.has(one | LETTER_CASE)) return start + 2;
  const isLong = LONG_ENDINGS.has(((one | LETTER_CASE) << 8) | two | LETTER_CASE);
  return isLong || (one === LONG_S[0] && two === LONG_S[1]) ? start + 3 : start;
}

function numberEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let count = 0; count < 3; count++) {
    const character = characterAt(bytes, at);
    if ((character & NUMBER) === 0) break;
    at += widthOf(character);
  }
  return at;
}

function symbolsEnd(bytes: Uint8Array, start: number, first: number): number {
  const from = bytes[start] === SPACE_BYTE ? start + 1 : start;
  let at = from;
  let character = from === start ? first : characterAt(bytes, at);
  while (character !== 0 && (character & (SPACE | LETTER | NUMBER)) === 0) {
    at += widthOf(character);
    character = characterAt(bytes, at);
  }
  return at > from ? at : start;
}

function lineEndsEnd(bytes: Uint8Array, start: number, also: number): number {
  let at = start;
  while (characterAt(bytes, at) & NEWLINE || bytes[at] === also) at++;
  return at;
}

/** Up to the last line end; else all but the last, which belongs to what follows; all of it before nothing. */
function spacesEnd(bytes: Uint8Array, start: number, linesFirst: boolean): number {
  let at = start;
  let last = start;
  let lines = start;
  for (let character = characterAt(bytes, at); character & SPACE; character = characterAt(bytes, at)) {
    last = at;
    at += widthOf(character);
    if (character & NEWLINE) lines = at;
  }
  const isAtEnd = at === bytes.length;
  if (lines > start && (linesFirst || !isAtEnd)) return lines;
  return isAtEnd || last === start ? at : last;
}

function twoBytes(text: string): number {
  return (text.charCodeAt(0) << 8) | text.charCodeAt(1);
}
