/**
 * What one event, and one request full of them, may cost. A limit is a promise to everybody behind it:
 * nothing downstream meets anything larger. docs/spec/event.md repeats the figures.
 */
export interface JsonLimits {
  readonly depth: number;
  readonly keysPerObject: number;
  readonly nodes: number;
  readonly stringBytes: number;
  readonly keyBytes: number;
}

export const EVENT_LIMITS: JsonLimits = {
  /**
   * Deeper than any provider's payload by far, and shallow enough for a recursive reader anywhere downstream.
   */
  depth: 64,
  /** An object with more is a table, and costs a hash table in every reader. */
  keysPerObject: 10_000,
  /**
   * Values in one event. It bounds the time and the memory of JSON.parse, which follow values more than
   * bytes.
   */
  nodes: 100_000,
  /** A picture as base64 fits; what is larger belongs into a file. */
  stringBytes: 8 * 1024 * 1024,
  /** A key is a name. Backends make columns and attributes of it. */
  keyBytes: 1024,
};

/** One request, decompressed or not: what a client may ask us to hold before anything is known about it. */
export const BODY_BYTES_MAX = 10 * 1024 * 1024;

/** Items in one request. Results are told one by one, and an answer must not outgrow what was asked. */
export const ITEMS_PER_REQUEST_MAX = 10_000;

/** Ids are keys in every index; 200 is what the strictest backend (Langfuse) takes. */
export const ID_CHARS_MAX = 200;

/** Names that people and programs choose: a model, a user, a session. */
export const NAME_CHARS_MAX = 1_000;

/** Far above any count of tokens, far below where doubles have gaps. */
export const USAGE_MAX = 1e12;
