import { isRawNumber } from "./codec.ts";
import {
  CIRCULAR,
  CUT_KEY,
  cutTag,
  isList,
  itemOf,
  jsonForm,
  numberTag,
  primitiveTag,
  TOO_DEEP,
  threwForm,
  threwTag,
} from "./json-form.ts";
import { hasEscapes, isHighSurrogate, quote } from "./json-text.ts";
import { BODY_BYTES_MAX, EVENT_LIMITS, NAME_CHARS_MAX } from "./limits.ts";

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
  readonly #bytesMax: number;
  #bytes = Buffer.allocUnsafeSlow(0);
  /** The same memory, four bytes at a time. */
  #words = new Uint32Array(this.#bytes.buffer);
  #at = 0;
  /** Objects around the one being written, from 1 on. */
  readonly #around: unknown[] = [];
  #valuesLeft = 0;
  /** Where the bytes of this value should end. */
  #softEnd = 0;
  #line: object = {};
  readonly #isKept: IsKept;

  constructor(bytesMax: number, isKept: IsKept = () => false) {
    this.#bytesMax = bytesMax;
    this.#isKept = isKept;
  }

  get sizeBytes(): number {
    return this.#at;
  }

  /** Everything written so far. Valid until the next write. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Forgets what was written, and gives memory back that only a burst needed. */
  clear(): void {
    this.#at = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#use(Buffer.allocUnsafeSlow(0));
  }

  /**
   * One object on a line of its own. `head` takes the place of its brace. `identity` is what a reference back
   * to the object refers to. Nothing is written unless everything is.
   */
  line(fields: object, head: Uint8Array, identity: object): LineOutcome {
    const start = this.#at;
    this.#valuesLeft = VALUES_MAX;
    this.#softEnd = start + EVENT_BYTES_MAX;
    this.#line = fields;
    try {
      this.#makeRoom(head.length + SLACK_BYTES);
      // The head's last byte comes to lie on the brace: nothing is concatenated, nothing copied twice.
      this.#bytes.set(head, start);
      if (head.length > 0) this.#at += head.length - 1;
      this.#fields(fields, 1, identity, false);
      if (head.length > 0) this.#bytes[start + head.length - 1] = COMMA;
      this.#put(LINE_FEED);
      if (this.#at > this.#bytesMax) throw NO_ROOM;
      return "written";
    } catch (error) {
      this.#at = start;
      if (error === NO_ROOM) return start === 0 ? "too_large" : "no_room";
      if (error === TOO_LARGE) return "too_large";
      throw error;
    }
  }

  /** Any value at `depth`. */
  #value(value: unknown, depth: number): void {
    if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean") this.#ascii(value ? "true" : "false");
    // Undefined stands in a list here; an object leaves such a field out.
    else if (value === null || value === undefined) this.#ascii("null");
    else if (typeof value === "object") this.#container(value, depth);
    else this.#text(primitiveTag(value));
  }

  #container(value: object, depth: number): void {
    const start = this.#at;
    try {
      const prototype = Object.getPrototypeOf(value);
      if (this.#isAround(value, depth)) this.#text(CIRCULAR);
      else if (depth > EVENT_LIMITS.depth) this.#text(TOO_DEEP);
      else if (prototype === OBJECT) this.#fields(value, depth, value, true);
      else if (prototype === ARRAY) this.#items(value as readonly unknown[], depth, value);
      else this.#form(value, jsonForm(value), depth);
    } catch (error) {
      // A revoked Proxy, a toJSON, the end of the stack: nothing stays of what was begun.
      if (error === NO_ROOM || error === TOO_LARGE) throw error;
      this.#at = start;
      this.#fields(threwForm(error), depth, value, false);
    }
  }

  /** What stands for an object; asked for its own form once more, for a toJSON may return anything. */
  #form(value: object, first: unknown, depth: number): void {
    const isObject = typeof first === "object" && first !== null;
    const form = isObject && first !== value ? jsonForm(first, false) : first;
    if (typeof form !== "object" || form === null) this.#value(form, depth);
    else if (isRawNumber(form)) this.#rawNumber(form.rawJSON);
    else if (isList(form)) this.#items(form, depth, value);
    else this.#fields(form, depth, value, false);
  }

  #fields(value: object, depth: number, identity: object, mayHaveForm: boolean): void {
    const start = this.#at;
    this.#makeRoom(SLACK_BYTES);
    this.#around[depth] = identity;
    this.#put(OBJECT_OPEN);
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
        this.#at = start;
        this.#form(value, jsonForm(value), depth);
        return;
      }
      if (keys++ > 0) this.#put(COMMA);
      this.#key(key);
      this.#put(COLON);
      this.#valuesLeft--;
      if (typeof field === "string") this.#text(field);
      else this.#value(field, depth + 1);
    }
    if (cut > 0) this.#cutField(keys, cut);
    this.#put(OBJECT_CLOSE);
  }

  #cutField(keys: number, cut: number): void {
    if (keys > 0) this.#put(COMMA);
    this.#text(CUT_KEY);
    this.#put(COLON);
    this.#text(cutTag(cut, "keys"));
  }

  #items(list: readonly unknown[], depth: number, identity: object): void {
    this.#makeRoom(SLACK_BYTES);
    this.#around[depth] = identity;
    this.#put(ARRAY_OPEN);
    const { length } = list;
    for (let index = 0; index < length; index++) {
      if (index > 0) this.#put(COMMA);
      if (this.#isSpent()) {
        this.#text(cutTag(length - index, "items"));
        break;
      }
      this.#valuesLeft--;
      this.#value(itemOf(list, index), depth + 1);
    }
    this.#put(ARRAY_CLOSE);
  }

  #isAround(value: object, depth: number): boolean {
    for (let above = 1; above < depth; above++) if (this.#around[above] === value) return true;
    return false;
  }

  #isSpent(): boolean {
    return this.#valuesLeft <= 0 || this.#at >= this.#softEnd;
  }

  /** Throws when what is kept is too much as well. */
  #mustCut(value: object): boolean {
    if (!this.#isKept(value, this.#line)) return true;
    const isOver = this.#valuesLeft < -RESERVE_VALUES || this.#at > this.#softEnd + RESERVE_BYTES;
    if (isOver) throw TOO_LARGE;
    return false;
  }

  #key(key: string): void {
    if (key.length <= KEY_CHARS_SAFE) this.#text(key);
    else this.#cutText(key, EVENT_LIMITS.keyBytes);
  }

  #text(text: string): void {
    const { length } = text;
    if (length > SHORT_CHARS_MAX) {
      this.#longText(text);
      return;
    }
    this.#makeRoom(length + SLACK_BYTES);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = QUOTE;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code < SPACE || code > ASCII_MAX || code === QUOTE || code === BACKSLASH) {
        this.#raw(quote(text));
        return;
      }
      bytes[at++] = code;
    }
    bytes[at] = QUOTE;
    this.#at = at + 1;
  }

  /** Copied first and looked at then: bytes are read five times faster than characters. */
  #longText(text: string): void {
    const { length } = text;
    const worstBytes = length * ESCAPE_BYTES_MAX;
    if (worstBytes > EVENT_LIMITS.stringBytes || this.#at + worstBytes > this.#softEnd) {
      this.#cutText(text, EVENT_LIMITS.stringBytes);
      return;
    }
    this.#makeRoomFor(text);
    const bytes = this.#bytes;
    const from = this.#at + 1;
    const end = from + bytes.write(text, from);
    if (hasEscapes(bytes, this.#words, from, end)) {
      this.#raw(quote(text));
      return;
    }
    bytes[from - 1] = QUOTE;
    bytes[end] = QUOTE;
    this.#at = end + 1;
  }

  /** As much of the text as may stand here, and how much is missing. */
  #cutText(text: string, bytesMax: number): void {
    const roomBytes = Math.max(
      RESERVED_TEXT_BYTES,
      Math.min(EVENT_LIMITS.stringBytes, this.#softEnd - this.#at),
    );
    const fitsBytes = Math.min(bytesMax, roomBytes);
    let json = text.length <= fitsBytes ? quote(text) : "";
    let kept = text.slice(0, fitsBytes);
    while (json === "" || Buffer.byteLength(json) - 2 > fitsBytes) {
      const sizeBytes = Math.max(fitsBytes, Buffer.byteLength(json) - 2);
      kept = kept.slice(0, Math.floor((kept.length * (fitsBytes - CUT_TAG_BYTES)) / sizeBytes));
      if (isHighSurrogate(kept.charCodeAt(kept.length - 1))) kept = kept.slice(0, -1);
      json = quote(`${kept}… ${cutTag(text.length - kept.length, "characters")}`);
    }
    this.#raw(json);
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) this.#text(numberTag(value));
    else if (value > 0 && (value | 0) === value) this.#count(value);
    else this.#ascii(Object.is(value, -0) ? "-0" : String(value));
  }

  /** A whole number from 1 to 2³¹: nearly every number there is, and no text need be made of it. */
  #count(value: number): void {
    this.#makeRoom(SLACK_BYTES);
    const bytes = this.#bytes;
    let digits = 1;
    for (let limit = 10; value >= limit && digits < 10; limit *= 10) digits++;
    let at = this.#at + digits;
    this.#at = at;
    for (let rest = value; rest > 0; rest = (rest / 10) | 0) bytes[--at] = 0x30 + (rest % 10);
  }

  /** Few characters, none of which needs a second byte. */
  #ascii(text: string): void {
    this.#makeRoom(SLACK_BYTES);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
    this.#at = at;
  }

  /** A number that kept its text; a very long one is shown, because no reader could compute with it. */
  #rawNumber(json: string): void {
    if (json.length > RAW_CHARS_MAX) this.#text(json);
    else this.#raw(json);
  }

  #raw(json: string): void {
    this.#makeRoomFor(json);
    this.#at += this.#bytes.write(json, this.#at);
  }

  /** For punctuation: whoever writes anything else leaves room for it. */
  #put(byte: number): void {
    this.#bytes[this.#at++] = byte;
  }

  #makeRoomFor(text: string): void {
    // Counting the bytes of a text is a pass over it; mostly there is room for any.
    if (this.#at + text.length * UTF8_BYTES_MAX + SLACK_BYTES <= this.#bytes.length) return;
    this.#makeRoom(Buffer.byteLength(text) + SLACK_BYTES);
  }

  #makeRoom(moreBytes: number): void {
    const neededBytes = this.#at + moreBytes;
    if (neededBytes > this.#bytes.length) this.#grow(neededBytes);
  }

  #grow(neededBytes: number): void {
    const largest = this.#bytesMax + SLACK_BYTES;
    if (neededBytes > largest) throw NO_ROOM;
    const sizeBytes = Math.min(largest, Math.max(FIRST_BYTES, 2 * neededBytes));
    const grown = Buffer.allocUnsafeSlow(Math.ceil(sizeBytes / 4) * 4);
    grown.set(this.bytes);
    this.#use(grown);
  }

  #use(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer);
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

/** Thrown from deep inside, caught in `line`; an error with a stack would cost more than the event. */
const NO_ROOM = Symbol("no room");
const TOO_LARGE = Symbol("too large");

const OBJECT = Object.prototype;
const ARRAY = Array.prototype;
const hasOwn = Object.prototype.hasOwnProperty;

const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const LINE_FEED = 0x0a;
const ASCII_MAX = 0x7f;

/** Starts small, because most applications emit little. */
const FIRST_BYTES = 64 * 1024;
/** What a buffer may keep while it is empty. */
const KEPT_BYTES_MAX = 1024 * 1024;
/** Always free behind a text: room for a number, punctuation, and a closing bracket of each level. */
const SLACK_BYTES = 256;
/** A UTF-16 unit needs at most so many bytes, and so many when it is escaped. */
const UTF8_BYTES_MAX = 3;
const ESCAPE_BYTES_MAX = 6;
/** Up to here a loop over the characters is cheaper than a call out of JavaScript. */
const SHORT_CHARS_MAX = 40;
/** A key of this length is within the limit whatever it consists of. */
const KEY_CHARS_SAFE = Math.floor(EVENT_LIMITS.keyBytes / ESCAPE_BYTES_MAX);
const RAW_CHARS_MAX = 1_000;

/** The daemon's limits, less what tags, and an id and a time in front, may need. */
const KEYS_MAX = EVENT_LIMITS.keysPerObject - 3;
const RESERVE_VALUES = 1_000;
const VALUES_MAX = EVENT_LIMITS.nodes - RESERVE_VALUES - 200;
const RESERVE_BYTES = 512 * 1024;
/** One request must hold the event, whatever comes from the reserve. */
const EVENT_BYTES_MAX = BODY_BYTES_MAX - 2 * RESERVE_BYTES;
/** What a text gets although everything is used up: the longest name, however it is written. */
const RESERVED_TEXT_BYTES = NAME_CHARS_MAX * ESCAPE_BYTES_MAX;
/** `… [cut: 536870888 characters]`, with room. */
const CUT_TAG_BYTES = 64;
