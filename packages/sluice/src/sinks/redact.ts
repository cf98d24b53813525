import { printable } from "./event-line.ts";

/** What a backend said is kept for people up to this; the rest of a long page helps nobody. */
const WORDS_BYTES_MAX = 2_048;

/**
 * Makes a function that turns a backend's words into something that may be logged: every secret in every
 * spelling that a server may echo (plain, URL-encoded, JSON-escaped, hex, base64 at any alignment) is
 * replaced, control characters go, and the length is capped. Secrets go first, so that no cut can leave half
 * of one.
 */
export function createRedactor(secrets: readonly string[]): (words: string) => string {
  const spellings = [...new Set(secrets.filter((secret) => secret !== "").flatMap(spellingsOf))];
  // Longest first: a spelling may contain another one.
  spellings.sort((a, b) => b.length - a.length);
  return (words) => {
    let clean = words;
    for (const spelling of spellings) clean = clean.replaceAll(spelling, "[secret]");
    return capped(printable(clean).trim());
  };
}

function spellingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString("hex");
  const base64 = [0, 1, 2].map((alignment) => base64Inside(bytes, alignment));
  return [
    secret,
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    hex,
    hex.toUpperCase(),
    ...base64,
    ...base64.map((each) => each.replaceAll("+", "-").replaceAll("/", "_")),
  ].filter((spelling) => spelling.length > 0);
}

/**
 * The part of the base64 text that depends on the secret alone when `alignment` unknown bytes stand before
 * it.
 */
function base64Inside(secret: Buffer, alignment: number): string {
  const text = Buffer.concat([Buffer.alloc(alignment), secret])
    .toString("base64")
    .replace(/=+$/, "");
  const firstOwn = alignment === 0 ? 0 : alignment + 1;
  const lastOwn = Math.floor(((alignment + secret.length) * 8) / 6);
  const inside = text.slice(firstOwn, lastOwn);
  // A few characters would be found everywhere in ordinary text, and say nothing.
  return inside.length >= 6 ? inside : "";
}

function capped(words: string): string {
  const bytes = Buffer.from(words);
  if (bytes.length <= WORDS_BYTES_MAX) return words;
  return `${bytes.subarray(0, WORDS_BYTES_MAX).toString("utf8").replace(/�+$/, "")}…`;
}
