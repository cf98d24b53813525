/** Half of a surrogate pair and NUL, as JSON has to spell them. Few texts have any. */
const MAY_BE_UNSTORABLE = /\\u(?:0000|d[89a-f])/i;
/** A pair that is whole, what cannot be stored, and every other escape, so that `\\u0000` is read rightly. */
const ESCAPES = /(\\ud[89ab][\da-f]{2}\\ud[c-f][\da-f]{2})|\\u(?:0000|d[89a-f][\da-f]{2})|(\\.)/gi;

/**
 * What a database can hold of a text: half of a surrogate pair and NUL become U+FFFD. PostgreSQL stores
 * neither; SQLite stores NUL, and its functions and its shell then end the text there.
 */
export function storableText(text: string): string {
  return text.includes("\0") || !text.isWellFormed() ? text.toWellFormed().replaceAll("\0", "\ufffd") : text;
}

/** The same for JSON, whose other bytes stay as they are: no number is read, no key moved. */
export function storableJson(json: string): string {
  if (!MAY_BE_UNSTORABLE.test(json)) return json;
  return json.replaceAll(ESCAPES, (_, pair?: string, other?: string) => pair ?? other ?? "\\ufffd");
}
