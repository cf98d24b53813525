import type { Encoding } from "./vocabulary.ts";

export interface ModelEncoding {
  /** The model's name without whose it is. */
  readonly model: string;
  readonly encoding: Encoding;
  /** Is it the model's own, and is all that it writes to be seen? Else a count is an estimate. */
  readonly isExact: boolean;
}

/**
 * Models that think before they answer: what they thought is billed and not shown, and how their messages are
 * framed is not published.
 */
const REASONING = /^(gpt-5|gpt-oss|codex|o[134](-|$))/;
const O200K = /^(gpt-4o|gpt-4\.1|gpt-4\.5|chatgpt-4o)/;
const CL100K = /^(gpt-4|gpt-3\.5|gpt-35|text-embedding-(ada-002|3-)|davinci-002|babbage-002)/;

/** The encoding of a model by its name; of others, whose encoding is their own, OpenAI's newest is the guess. */
export function encodingOf(given: string | undefined): ModelEncoding {
  const name = (given ?? "").toLowerCase().replace(/^.*\//, "").replace(/^ft:/, "");
  if (REASONING.test(name)) return { model: name, encoding: "o200k_base", isExact: false };
  if (O200K.test(name)) return { model: name, encoding: "o200k_base", isExact: true };
  if (CL100K.test(name)) return { model: name, encoding: "cl100k_base", isExact: true };
  return { model: name, encoding: "o200k_base", isExact: false };
}
