import { objectOf } from "@sluice/sdk/internal";

/** Enough of an unknown answer to recognise a login page by. */
const SHOWN_LENGTH_MAX = 200;

/**
 * Reads a 2xx of the log route: undefined if the record is stored, else why it cannot be believed. The worker
 * answers 200 with an `error` where its storage failed, and `ok` where it did not; a server of one's own says
 * nothing at all.
 */
export function logFault(
  body: string,
  expected: "ok" | "",
  redact: (words: string) => string,
): string | undefined {
  const text = body.trim();
  if (text === expected || text === "ok") return undefined;
  return errorIn(text, redact) ?? `the answer is not Helicone's: ${shown(text, redact)}`;
}

/** Reads a 2xx of the interface for scores, which is JSON with an `error` that should be null. */
export function scoreFault(body: string, redact: (words: string) => string): string | undefined {
  const text = body.trim();
  if (text === "") return undefined;
  const fault = errorIn(text, redact);
  if (fault !== undefined) return fault;
  return parsed(text) === undefined ? `the answer is not Helicone's: ${shown(text, redact)}` : undefined;
}

function errorIn(text: string, redact: (words: string) => string): string | undefined {
  const { error } = objectOf(parsed(text)) ?? {};
  if (error === undefined || error === null || error === "") return undefined;
  const words = typeof error === "string" ? error : JSON.stringify(error);
  return `Helicone answered 200 and stored nothing: ${redact(words)}`;
}

function shown(text: string, redact: (words: string) => string): string {
  return redact(text).slice(0, SHOWN_LENGTH_MAX);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // A page, or a word.
  }
}
