import { isRawNumber } from "./codec.ts";
import { COMMA, JsonBytes, NO_ROOM } from "./json-bytes.ts";
import {
  CIRCULAR,
  CUT_KEY,
  cutTag,
  isList,
  itemOf,
  jsonForm,
  primitiveTag,
  TOO_DEEP,
  threwForm,
  threwTag,
} from "./json-form.ts";
import { BODY_BYTES_MAX, EVENT_LIMITS } from "./limits.ts";

/**
 * Writes values as JSON, straight into the bytes that will be sent, in one pass: each property is read once,
 * whatever it is, and what JSON cannot write gets the form that `json-form.ts` has for it. For values that
 * JSON can write, the bytes are those of JSON.stringify, but for two: -0 stays -0, and half of a surrogate
 * pair becomes U+FFFD.
 *
 * What passes a limit is cut, and says how much was. Besides the limits of one value there is one for all of
 * it, in bytes and in values. When that is used up every object and list ends with what it lost; only objects
 * that the caller says are kept go on, from a reserve, because an event without its kind would be none.
 *
 * Written by hand, and not a walk before JSON.stringify, for two reasons: a getter must not be called twice,
 * and the walk that finds out what JSON cannot write costs as much as writing does.
 */
export class JsonWriter {
  readonly #bytes: JsonBytes;
  /** Objects around the one being written, from 1 on. */
  readonly #around: unknown[] = [];
  #valuesLeft = 0;
  #line: object = {};
  readonly #isKept: IsKept;

  constructor(bytesMax: number, isKept: IsKept = () => false) {
    this.#bytes = new JsonBytes(bytesMax);
    this.#isKept = isKept;
  }

  get sizeBytes(): number {
    return this.#bytes.sizeBytes;
  }

  /** Everything written so far. Valid until the next write. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.written;
  }

  /** Forgets what was written, and gives memory back that only a burst needed. */
  clear(): void {
    this.#bytes.clear();
  }

  /**
   * One object on a line of its own. `head` takes the place of its brace. `identity` is what a reference back
   * to the object refers to. Nothing is written unless everything is.
   */
  line(fields: object, head: Uint8Array, identity: object): LineOutcome {
    const bytes = this.#bytes;
    const start = bytes.sizeBytes;
    bytes.softEnd = start + EVENT_BYTES_MAX;
    this.#valuesLeft = VALUES_MAX;
    this.#line = fields;
    try {
      bytes.copy(head);
      // The head's last byte comes to lie on the brace: nothing is concatenated, nothing copied twice.
      const brace = head.length > 0 ? bytes.sizeBytes - 1 : start;
      bytes.rewind(brace);
      this.#fields(fields, 1, identity, false);
      if (head.length > 0) bytes.replace(brace, COMMA);
      bytes.endLine();
      return "written";
    } catch (error) {
      bytes.rewind(start);
      if (error === NO_ROOM) return start === 0 ? "too_large" : "no_room";
      if (error === TOO_LARGE) return "too_large";
      throw error;
    }
  }

  /** Any value at `depth`. */
  #value(value: unknown, depth: number): void {
    if (typeof value === "string") this.#bytes.text(value);
    else if (typeof value === "number") this.#bytes.number(value);
    else if (typeof value === "boolean") this.#bytes.ascii(value ? "true" : "false");
    // Undefined stands in a list here; an object leaves such a field out.
    else if (value === null || value === undefined) this.#bytes.ascii("null");
    else if (typeof value === "object") this.#container(value, depth);
    else this.#bytes.text(primitiveTag(value));
  }

  #container(value: object, depth: number): void {
    const start = this.#bytes.sizeBytes;
    try {
      const prototype = Object.getPrototypeOf(value);
      if (this.#isAround(value, depth)) this.#bytes.text(CIRCULAR);
      else if (depth > EVENT_LIMITS.depth) this.#bytes.text(TOO_DEEP);
      else if (prototype === OBJECT) this.#fields(value, depth, value, true);
      else if (prototype === ARRAY) this.#items(value as readonly unknown[], depth, value);
      else this.#form(value, jsonForm(value), depth);
    } catch (error) {
      // A revoked Proxy, a toJSON, the end of the stack: nothing stays of what was begun.
      if (error === NO_ROOM || error === TOO_LARGE) throw error;
      this.#bytes.rewind(start);
      this.#fields(threwForm(error), depth, value, false);
    }
  }

  /** What stands for an object; asked for its own form once more, for a toJSON may return anything. */
  #form(value: object, first: unknown, depth: number): void {
    const isObject = typeof first === "object" && first !== null;
    const form = isObject && first !== value ? jsonForm(first, false) : first;
    if (typeof form !== "object" || form === null) this.#value(form, depth);
    else if (isRawNumber(form)) this.#bytes.rawNumber(form.rawJSON);
    else if (isList(form)) this.#items(form, depth, value);
    else this.#fields(form, depth, value, false);
  }

  #fields(value: object, depth: number, identity: object, mayHaveForm: boolean): void {
    const bytes = this.#bytes;
    const start = bytes.sizeBytes;
    bytes.makeRoom();
    this.#around[depth] = identity;
    let keys = 0;
    let cut = 0;
    for (const key in value) {
      if (!hasOwn.call(value, key)) continue;
      if (cut > 0 || keys === KEYS_MAX || (this.#isSpent() && this.#mustCut(value))) {
        cut++;
        continue;
      }
      let field: unknown;
      try {
        field = value[key as keyof typeof value];
      } catch (error) {
        field = threwTag(error);
      }
      if (field === undefined) continue;
      if (typeof field === "function" && key === "toJSON" && mayHaveForm) {
        bytes.rewind(start);
        this.#form(value, jsonForm(value), depth);
        return;
      }
      keys++;
      bytes.key(key);
      this.#valuesLeft--;
      if (typeof field === "string") bytes.text(field);
      else this.#value(field, depth + 1);
    }
    if (cut > 0) this.#cutField(cut);
    // The brace takes the place of the first key's comma.
    if (keys + cut > 0) bytes.replace(start, OBJECT_OPEN);
    else bytes.put(OBJECT_OPEN);
    bytes.put(OBJECT_CLOSE);
  }

  #cutField(cut: number): void {
    this.#bytes.key(CUT_KEY);
    this.#bytes.text(cutTag(cut, "keys"));
  }

  #items(list: readonly unknown[], depth: number, identity: object): void {
    const bytes = this.#bytes;
    bytes.makeRoom();
    this.#around[depth] = identity;
    bytes.put(ARRAY_OPEN);
    const { length } = list;
    for (let index = 0; index < length; index++) {
      if (index > 0) bytes.put(COMMA);
      if (this.#isSpent()) {
        bytes.text(cutTag(length - index, "items"));
        break;
      }
      this.#valuesLeft--;
      this.#value(itemOf(list, index), depth + 1);
    }
    bytes.put(ARRAY_CLOSE);
  }

  #isAround(value: object, depth: number): boolean {
    for (let above = 1; above < depth; above++) if (this.#around[above] === value) return true;
    return false;
  }

  #isSpent(): boolean {
    return this.#valuesLeft <= 0 || this.#bytes.sizeBytes >= this.#bytes.softEnd;
  }

  /** Throws when what is kept is too much as well. */
  #mustCut(value: object): boolean {
    if (!this.#isKept(value, this.#line)) return true;
    const isOver =
      this.#valuesLeft < -RESERVE_VALUES || this.#bytes.sizeBytes > this.#bytes.softEnd + RESERVE_BYTES;
    if (isOver) throw TOO_LARGE;
    return false;
  }
}

/** Says of an object in a line that it keeps all its fields, whatever the whole costs. */
export type IsKept = (value: object, line: object) => boolean;

export type LineOutcome =
  | "written"
  /** There would be room once what was written before is gone. */
  | "no_room"
  /** There will never be. */
  | "too_large";

/** As `NO_ROOM`, when the parts that are kept are too much. */
const TOO_LARGE = Symbol("too large");

const OBJECT = Object.prototype;
const ARRAY = Array.prototype;
const hasOwn = Object.prototype.hasOwnProperty;

const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;

/** The daemon's limits, less what tags, and an id and a time in front, may need. */
const KEYS_MAX = EVENT_LIMITS.keysPerObject - 3;
const RESERVE_VALUES = 1_000;
const VALUES_MAX = EVENT_LIMITS.nodes - RESERVE_VALUES - 200;
const RESERVE_BYTES = 512 * 1024;
/** One request must hold the event, whatever comes from the reserve. */
const EVENT_BYTES_MAX = BODY_BYTES_MAX - 2 * RESERVE_BYTES;
