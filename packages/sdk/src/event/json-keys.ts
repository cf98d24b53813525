import { quote } from "./json-text.ts";

/**
 * The names of fields as they stand in JSON, each with the comma in front and the colon behind: `,"kind":`.
 * An application uses the same ones for every event, so they are escaped once and then only copied.
 *
 * Keeps the first `KEYS_MAX` names for ever and no others: among the first are those of the event itself, and
 * names made of data would push them out.
 */
export class JsonKeys {
  readonly #known = new Map<string, JsonKey>();

  /** Undefined for one that is not kept. */
  find(name: string): JsonKey | undefined {
    return this.#known.get(name) ?? this.#keep(name);
  }

  #keep(name: string): JsonKey | undefined {
    if (this.#known.size === KEYS_MAX || name.length > KEY_CHARS_MAX) return undefined;
    const key = keyOf(name);
    this.#known.set(name, key);
    return key;
  }
}

export interface JsonKey {
  readonly sizeBytes: number;
  /** Its bytes, four in each, the first one lowest; zeros fill the last. */
  readonly words: Int32Array;
}

function keyOf(name: string): JsonKey {
  const bytes = Buffer.from(`,${quote(name)}:`);
  const padded = Buffer.alloc(4 * Math.ceil(bytes.length / 4));
  padded.set(bytes);
  const words = Int32Array.from({ length: padded.length / 4 }, (_, index) => padded.readInt32LE(4 * index));
  return { sizeBytes: bytes.length, words };
}

/** All that an application's own code names, and in memory 100 KB. */
const KEYS_MAX = 1_000;
const KEY_CHARS_MAX = 40;
