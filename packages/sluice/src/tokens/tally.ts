import { countText } from "./count-text.ts";
import type { ModelEncoding } from "./model-encoding.ts";
import type { Encoding } from "./vocabulary.ts";

/** Adds up tokens, and remembers whether any of them was a guess. */
export class Tally {
  tokens = 0;
  isExact: boolean;
  readonly model: string;
  readonly #encoding: Encoding;

  constructor({ model, encoding, isExact }: ModelEncoding) {
    this.model = model;
    this.#encoding = encoding;
    this.isExact = isExact;
  }

  /** Anything but a text has no tokens. */
  text(value: unknown): void {
    if (typeof value === "string") this.tokens += countText(value, this.#encoding);
  }

  add(tokens: number): void {
    this.tokens += tokens;
  }

  /** Something of which only this much is known. */
  guess(tokens = 0): void {
    this.tokens += tokens;
    this.isExact = false;
  }
}
