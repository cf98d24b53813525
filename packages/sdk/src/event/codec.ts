import type { Event, Json } from "./event.ts";

/**
 * JSON, with one promise more than JSON.parse gives: a number that a double would change (9007199254740993,
 * 1e400, 1.0, -0) keeps its text, and `encodeEvent` writes that text again. Such a number is a frozen
 * raw-JSON object in the decoded value: pass it on as it is, or ask `numberOf` for its value. It does not
 * survive structuredClone or postMessage.
 *
 * Keys are data: `__proto__` is an own property like any other; so copy with spread or Object.fromEntries,
 * never by Object.assign or by assignment to a key that came from outside.
 */
export function decodeEvent(bytes: Uint8Array): Event {
  const value = decodeJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError("an event is a JSON object");
  }
  return value as unknown as Event;
}

/** One line of JSON. Throws what JSON.stringify throws: for a cycle, a bigint, a getter that throws. */
export function encodeEvent(event: Event): string {
  return JSON.stringify(event);
}

/** Throws a SyntaxError for text that is not JSON. */
export function decodeJson(text: string): Json {
  // The reviver makes parsing five times slower, so a look at the text decides whether there is anything for
  // it to keep.
  const needsText = SUSPECT_NUMBER.test(text) || BARE_NUMBER.test(text);
  return needsText ? JSON.parse(text, keepText) : JSON.parse(text);
}

/** The value of a decoded number, kept as text or not; undefined for anything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return isRawNumber(value) ? Number(value.rawJSON) : undefined;
}

/** Is this a number that kept its text? */
export function isRawNumber(value: unknown): value is { readonly rawJSON: string } {
  return sourceText.isRawJSON(value);
}

/**
 * Finds every number that a double might change, and some that it would not: 16 or more digits, an exponent,
 * a fraction that ends in 0, minus zero, a fraction so small that JavaScript writes it with an exponent. A
 * match inside a string costs time and nothing else; looking for the end of the number spares us those in
 * time stamps (`:00.000Z`).
 */
const SUSPECT_NUMBER = new RegExp(
  String.raw`[:,[](?=[-\d\s])\s*-?(?:` +
    [
      String.raw`[\d.]{16}`,
      String.raw`\d+(?:\.\d*)?[eE][+-]?\d+(?![^\s,\]}])`,
      String.raw`\d+\.\d*0(?![^\s,\]}])`,
      String.raw`(?<=-)0(?!\.)`,
      String.raw`0\.000000`,
    ].join("|") +
    ")",
);
/**
 * A text that is a number and nothing else; as an alternative in the pattern above it would double its cost.
 */
const BARE_NUMBER = /^\s*[-\d]/;

/** Source text access, in every Node that we run on and not yet in TypeScript's library. */
interface SourceText {
  rawJSON(text: string): { readonly rawJSON: string };
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
}
const sourceText = JSON as unknown as SourceText;

function keepText(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined) return value;
  // String(-0) is "0", and so minus zero is kept too.
  return String(value) === context.source ? value : sourceText.rawJSON(context.source);
}
