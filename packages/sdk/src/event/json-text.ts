/** What JSON must escape, by byte; nothing above ASCII is among it. */
const NEEDS_ESCAPE = new Uint8Array(256).fill(1, 0, 0x20);
for (const char of '"\\') NEEDS_ESCAPE[char.charCodeAt(0)] = 1;

/** As JSON.stringify, but that half of a surrogate pair becomes U+FFFD: a strict parser takes no half. */
export function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/**
 * Is there anything in these bytes that JSON must escape? Four at a time: a byte below 0x20, or one that is a
 * quote or a backslash and so becomes 0 when it is turned against it, borrows from its highest bit.
 */
export function hasEscapes(bytes: Uint8Array, words: Uint32Array, from: number, end: number): boolean {
  let at = from;
  for (; at < end && (at & 3) !== 0; at++) if (NEEDS_ESCAPE[bytes[at] ?? 0] !== 0) return true;
  const lastWord = end >> 2;
  for (let index = at >> 2; index < lastWord; index++) {
    const word = words[index] ?? 0;
    const quotes = word ^ 0x22222222;
    const backslashes = word ^ 0x5c5c5c5c;
    const low = (word - 0x20202020) & ~word;
    const marks = low | ((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes);
    if ((marks & 0x80808080) !== 0) return true;
  }
  for (at = Math.max(at, lastWord << 2); at < end; at++) if (NEEDS_ESCAPE[bytes[at] ?? 0] !== 0) return true;
  return false;
}

export function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
