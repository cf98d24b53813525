/**
 * What a character is to the split, as bits. A mark and a letter without case are upper and lower at once: a
 * word's first half and its second half both take them.
 */
export const UPPER = 1;
export const LOWER = 2;
export const LETTER = 4;
export const NUMBER = 8;
export const SPACE = 16;
export const NEWLINE = 32;
/** Every character has this one, so that 0 is the end of the text. */
const KNOWN = 64;

const WIDTH_SHIFT = 7;

const CATEGORIES: readonly (readonly [RegExp, number])[] = [
  [/[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]/u, UPPER],
  [/[\p{Ll}\p{Lm}\p{Lo}\p{M}]/u, LOWER],
  [/\p{L}/u, LETTER],
  [/\p{N}/u, NUMBER],
  // Not `\s`: to JavaScript that has the byte order mark and lacks the next-line character.
  [/\p{White_Space}/u, SPACE],
  [/[\r\n]/u, NEWLINE],
];

/** By code point, filled as characters are met: most programs meet a few hundred of a million. */
const kinds = new Uint8Array(0x11_0000);

/** The kind of the character that begins here, and its width in bytes; 0 at the end. The bytes are UTF-8. */
export function characterAt(bytes: Uint8Array, index: number): number {
  const lead = bytes[index];
  if (lead === undefined) return 0;
  if (lead < 0x80) return kindOf(lead) | (1 << WIDTH_SHIFT);
  const second = (bytes[index + 1] ?? 0) & 0x3f;
  if (lead < 0xe0) return kindOf(((lead & 0x1f) << 6) | second) | (2 << WIDTH_SHIFT);
  const third = (bytes[index + 2] ?? 0) & 0x3f;
  if (lead < 0xf0) return kindOf(((lead & 0x0f) << 12) | (second << 6) | third) | (3 << WIDTH_SHIFT);
  const fourth = (bytes[index + 3] ?? 0) & 0x3f;
  const codePoint = ((lead & 0x07) << 18) | (second << 12) | (third << 6) | fourth;
  return kindOf(codePoint) | (4 << WIDTH_SHIFT);
}

export function widthOf(character: number): number {
  return character >> WIDTH_SHIFT;
}

function kindOf(codePoint: number): number {
  return kinds[codePoint] || learnKind(codePoint);
}

function learnKind(codePoint: number): number {
  const text = String.fromCodePoint(codePoint);
  let kind = KNOWN;
  for (const [category, bit] of CATEGORIES) if (category.test(text)) kind |= bit;
  kinds[codePoint] = kind;
  return kind;
}
