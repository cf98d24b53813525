/** As JSON.stringify, but that half of a surrogate pair becomes U+FFFD: a strict parser takes no half. */
export function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/** Where the first of the bytes stands that JSON must escape, or up to three before it; `end` if none must. */
export function firstEscape(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  let at = from;
  // Two at a time, because nearly every text has nothing to escape.
  for (; at + 8 <= end; at += 8) {
    if ((escapeMarks(view.getInt32(at, true)) | escapeMarks(view.getInt32(at + 4, true))) !== 0) break;
  }
  for (; at + 4 <= end; at += 4) if (escapeMarks(view.getInt32(at, true)) !== 0) return at;
  for (; at < end; at++) if (ESCAPES[bytes[at] ?? 0] !== 0) return at;
  return end;
}

/**
 * Copies bytes of UTF-8, with what JSON must escape escaped, and returns where they end. Reads and writes up
 * to three bytes more. `to` may be in front of `from`, as long as what is written never gets nearer to what
 * is read than four bytes.
 */
export function copyEscaped(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  end: number,
  to: number,
): number {
  let at = from;
  let into = to;
  while (at < end) {
    // All four are written, and those from the first escape on once more.
    const word = view.getInt32(at, true);
    const clean = bytesBeforeEscape(word);
    view.setInt32(into, word, true);
    at += clean;
    into += clean;
    if (clean < 4 && at < end) into = putEscape(bytes, bytes[at++] ?? 0, into);
  }
  return into - (at - end);
}

function putEscape(bytes: Uint8Array, byte: number, at: number): number {
  const letter = ESCAPES[byte] ?? 0;
  bytes[at] = BACKSLASH;
  bytes[at + 1] = letter;
  if (letter !== LETTER_U) return at + 2;
  bytes[at + 2] = DIGIT_0;
  bytes[at + 3] = DIGIT_0;
  bytes[at + 4] = DIGIT_0 + (byte >> 4);
  bytes[at + 5] = HEX.charCodeAt(byte & 0xf);
  return at + 6;
}

function bytesBeforeEscape(word: number): number {
  const marks = escapeMarks(word);
  return marks === 0 ? 4 : (31 - Math.clz32(marks & -marks)) >> 3;
}

/**
 * The highest bit of the first of four bytes that JSON must escape, and perhaps bits of those behind it. A
 * byte below 0x20, or one that is a quote or a backslash and so becomes 0 when it is turned against it,
 * borrows from its highest bit.
 */
function escapeMarks(word: number): number {
  const quotes = word ^ 0x22222222;
  const backslashes = word ^ 0x5c5c5c5c;
  const low = (word - 0x20202020) & ~word;
  const marks = low | ((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes);
  return marks & 0x80808080;
}

export function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const DIGIT_0 = 0x30;
const HEX = "0123456789abcdef";
/** For each byte what stands behind the backslash; 0 for what needs none. Nothing above ASCII does. */
const ESCAPES = new Uint8Array(256).fill(LETTER_U, 0, 0x20);
for (const [char, letter] of ['""', "\\\\", "\bb", "\tt", "\nn", "\ff", "\rr"]) {
  ESCAPES[(char ?? "").charCodeAt(0)] = (letter ?? "").charCodeAt(0);
}
