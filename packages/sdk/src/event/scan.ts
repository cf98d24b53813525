import { isUtf8 } from "node:buffer";
import type { JsonLimits } from "./limits.ts";
import { firstInvalidUtf8 } from "./utf8.ts";

/**
 * One pass over the bytes of a JSON text before anybody parses it, so that nothing too deep, too wide or not
 * UTF-8 meets JSON.parse, and so that the items of an array can be stored as the bytes they came in.
 *
 * The pass follows strings, brackets, commas and colons, and leaves grammar to JSON.parse. For valid JSON its
 * figures are exact. For other text it promises only what matters: the elements of an array are what stands
 * between its commas where brackets balance, so that one malformed item costs itself and not its neighbours,
 * and every item that JSON.parse accepts was measured rightly.
 *
 * Limits hold for one item: an element of a top-level array, else a top-level value. An item is measured to
 * its end after a fault, because the next one starts there.
 */
export interface Scan {
  /**
   * How the text is made: nothing but white space, one value, an array, several values in a row, or
   * unbalanced.
   */
  readonly shape: "empty" | "one" | "array" | "several" | "broken";
  /**
   * In order. An array has its elements, `one` has one, `several` only the first; `broken` has what was
   * complete.
   */
  readonly items: readonly ScannedItem[];
  /** Where the text stopped making sense, when it is broken. */
  readonly offset: number;
}

export interface ScannedItem {
  /** Byte range, without white space around it. */
  readonly start: number;
  readonly end: number;
  readonly fault?: ScanFault;
}

export interface ScanFault {
  readonly code:
    | "invalid_utf8"
    | "too_deep"
    | "too_many_keys"
    | "too_many_values"
    | "string_too_long"
    | "key_too_long";
  /** Of the byte in the text at which the limit was passed. */
  readonly offset: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

/**
 * In a string, this many bytes are looked at one by one before indexOf is asked: its call costs as much as
 * they do.
 */
const STEPS_BEFORE_JUMP = 48;

/** Bytes that end a number or a literal: white space and everything that has a meaning of its own. */
const ENDS_SCALAR = new Uint8Array(256);
for (const char of ' \t\n\r",:[]{}') ENDS_SCALAR[char.charCodeAt(0)] = 1;

/** What a byte outside a string does to the number of open brackets. */
const DEPTH_CHANGE = new Int8Array(256);
for (const byte of [ARRAY_OPEN, OBJECT_OPEN]) DEPTH_CHANGE[byte] = 1;
for (const byte of [ARRAY_CLOSE, OBJECT_CLOSE]) DEPTH_CHANGE[byte] = -1;

/**
 * Stands for an array where the keys of an object are counted. Far enough below 0 for colons that do not
 * belong there.
 */
const IN_ARRAY = -(2 ** 30);

/** `itemsMax`: further items are not looked for, and the scan reports one more than this. */
export function scanJson(bytes: Uint8Array, limits: JsonLimits, itemsMax: number): Scan {
  return new Scanner(bytes, limits, itemsMax).run();
}

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #limits: JsonLimits;
  readonly #itemsMax: number;
  readonly #isUtf8: boolean;
  readonly #items: ScannedItem[] = [];
  #at = 0;

  /** Of the item at hand: the first limit it passed. */
  #fault: ScanFault | undefined;
  /**
   * Keys so far of each open object, or IN_ARRAY. Slot 0 is unused; the last is for the first level too deep.
   */
  readonly #keys: Int32Array;

  constructor(bytes: Uint8Array, limits: JsonLimits, itemsMax: number) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#itemsMax = itemsMax;
    this.#isUtf8 = isUtf8(bytes);
    this.#keys = new Int32Array(limits.depth + 2);
  }

  run(): Scan {
    this.#skipSpace();
    const end = this.#bytes.length;
    if (this.#at === end) return this.#result("empty");
    if (this.#bytes[this.#at] === ARRAY_OPEN) return this.#array();
    if (!this.#item()) return this.#result("broken");
    this.#skipSpace();
    return this.#result(this.#at === end ? "one" : "several");
  }

  #array(): Scan {
    this.#at++;
    this.#skipSpace();
    if (this.#bytes[this.#at] === ARRAY_CLOSE) return this.#close();
    for (;;) {
      if (this.#items.length > this.#itemsMax) return this.#result("array");
      if (!this.#element()) return this.#result("broken");
      if (this.#bytes[this.#at] === ARRAY_CLOSE) return this.#close();
      this.#at++;
      this.#skipSpace();
    }
  }

  /** At the bracket that closes the top-level array: nothing may follow it. */
  #close(): Scan {
    this.#at++;
    this.#skipSpace();
    return this.#result(this.#at === this.#bytes.length ? "array" : "broken");
  }

  #result(shape: Scan["shape"]): Scan {
    return { shape, items: this.#items, offset: this.#at };
  }

  /** One value with everything in it. False if the text ends first, or if there is none. */
  #item(): boolean {
    const start = this.#begin();
    if (!this.#value() || this.#at === start) return false;
    this.#add(start, this.#at);
    return true;
  }

  /** Everything up to the comma or the bracket behind it: one value, or what JSON.parse will refuse. */
  #element(): boolean {
    const start = this.#begin();
    let end = start;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === COMMA || byte === ARRAY_CLOSE) break;
      if (!this.#value()) return false;
      // A closing brace that nothing opened is no value; it is stepped over and left to JSON.parse.
      if (this.#at === end) this.#at++;
      end = this.#at;
      this.#skipSpace();
    }
    this.#add(start, end);
    return true;
  }

  #begin(): number {
    this.#fault = undefined;
    return this.#at;
  }

  #add(start: number, end: number): void {
    if (!this.#isUtf8) this.#checkUtf8(start, end);
    const fault = this.#fault;
    this.#items.push({ start, end, ...(fault && { fault }) });
  }

  /** True behind a value, or where none begins. False when the text ended. */
  #value(): boolean {
    const bytes = this.#bytes;
    const keys = this.#keys;
    const { depth: deepest, nodes, keysPerObject } = this.#limits;
    let at = this.#at;
    let values = 0;
    let depth = 0;
    do {
      const byte = bytes[at];
      if (byte === undefined) return this.#stop(at, false);
      if (byte === QUOTE) {
        const end = endOfString(bytes, at + 1);
        if (end < 0) return this.#stop(bytes.length, false);
        this.#checkString(at + 1, end, depth > 0 && keys[depth] !== IN_ARRAY);
        values++;
        at = end + 1;
      } else if (ENDS_SCALAR[byte] === 0) {
        values++;
        do at++;
        while (ENDS_SCALAR[bytes[at] ?? QUOTE] === 0);
      } else if (byte === COLON) {
        at++;
        // The string before it was counted as a value, and was a key.
        values--;
        const count = (keys[depth] ?? 0) + 1;
        keys[depth] = count;
        if (count > keysPerObject) this.#fail("too_many_keys", at);
      } else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) {
        at++;
        values++;
        if (++depth > deepest) this.#fail("too_deep", at - 1);
        keys[depth] = byte === OBJECT_OPEN ? 0 : IN_ARRAY;
      } else if (depth === 0) {
        return this.#stop(at, true);
      } else {
        at++;
        if (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE) depth--;
      }
      if (values > nodes) this.#fail("too_many_values", at);
      if (this.#fault !== undefined && depth > 0) return this.#skip(at, depth);
    } while (depth > 0);
    return this.#stop(at, true);
  }

  /**
   * To the end of an item that has failed already: nothing is counted any more, and so any depth is bearable.
   */
  #skip(from: number, openBrackets: number): boolean {
    const bytes = this.#bytes;
    let at = from;
    let depth = openBrackets;
    while (depth > 0) {
      const byte = bytes[at];
      if (byte === undefined) return this.#stop(at, false);
      if (byte === QUOTE) {
        const end = endOfString(bytes, at + 1);
        if (end < 0) return this.#stop(bytes.length, false);
        at = end;
      }
      depth += DEPTH_CHANGE[byte] ?? 0;
      at++;
    }
    return this.#stop(at, true);
  }

  #stop(at: number, isWhole: boolean): boolean {
    this.#at = at;
    return isWhole;
  }

  #checkString(start: number, end: number, mayBeKey: boolean): void {
    if (end - start > this.#limits.stringBytes) this.#fail("string_too_long", start);
    // In an object, what a colon follows is a key. Few strings are long enough for it to matter.
    if (!mayBeKey || end - start <= this.#limits.keyBytes) return;
    if (this.#bytes[afterSpace(this.#bytes, end + 1)] === COLON) this.#fail("key_too_long", start);
  }

  #fail(code: ScanFault["code"], offset: number): void {
    this.#fault ??= { code, offset };
  }

  #checkUtf8(start: number, end: number): void {
    const item = this.#bytes.subarray(start, end);
    if (isUtf8(item)) return;
    this.#fault = { code: "invalid_utf8", offset: start + firstInvalidUtf8(item) };
  }

  #skipSpace(): void {
    this.#at = afterSpace(this.#bytes, this.#at);
  }
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** Where the closing quote of a string is, or -1. `from` is behind the opening one. */
function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  let jumpAt = at + STEPS_BEFORE_JUMP;
  let quote = -1;
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === undefined) return -1;
    if (byte === BACKSLASH) {
      at += 2;
      jumpAt = at + STEPS_BEFORE_JUMP;
    } else if (++at >= jumpAt) {
      // The quote found by an earlier jump is still the next one; looking again would make the scan
      // quadratic.
      if (quote < at) quote = bytes.indexOf(QUOTE, at);
      if (quote < 0) return -1;
      at = nextBackslash(bytes, at, quote);
    }
  }
}

/** The next backslash before `end`, else `end`. */
function nextBackslash(bytes: Uint8Array, from: number, end: number): number {
  const found = bytes.subarray(from, end).indexOf(BACKSLASH);
  return found < 0 ? end : from + found;
}
