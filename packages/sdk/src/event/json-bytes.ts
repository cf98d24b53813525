import { cutTag, numberTag } from "./json-form.ts";
import { JsonKeys } from "./json-keys.ts";
import { copyEscaped, firstEscape, isHighSurrogate, quote } from "./json-text.ts";
import { EVENT_LIMITS, NAME_CHARS_MAX } from "./limits.ts";

/**
 * JSON in bytes, in memory that grows and is used again: what a writer needs below objects and lists. Texts
 * and keys are cut at their limits. Throws `NO_ROOM` where even the largest memory has none.
 */
export class JsonBytes {
  /** Where all of it should end: texts are cut so that it does. */
  softEnd = 0;
  readonly #bytesMax: number;
  #bytes = Buffer.allocUnsafeSlow(0);
  /** The same memory, for four bytes at a time. */
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #keys = new JsonKeys();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get sizeBytes(): number {
    return this.#at;
  }

  /** Everything so far. Valid until the next change. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Forgets what was written, and gives memory back that only a burst needed. */
  clear(): void {
    this.#at = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#use(Buffer.allocUnsafeSlow(0));
  }

  /** Forgets what was written behind this place. */
  rewind(sizeBytes: number): void {
    this.#at = sizeBytes;
  }

  copy(bytes: Uint8Array): void {
    this.makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  endLine(): void {
    this.put(LINE_FEED);
    // The slack is for the way, and not to be kept.
    if (this.#at > this.#bytesMax) throw NO_ROOM;
  }

  /** Puts a byte where another one is. */
  replace(at: number, byte: number): void {
    this.#bytes[at] = byte;
  }

  /** With the comma in front and the colon behind. */
  key(name: string): void {
    const key = this.#keys.find(name);
    if (key === undefined) {
      this.put(COMMA);
      if (name.length <= KEY_CHARS_SAFE) this.text(name);
      else this.#cutText(name, EVENT_LIMITS.keyBytes);
      this.put(COLON);
      return;
    }
    const { words, sizeBytes } = key;
    this.makeRoom(sizeBytes);
    const view = this.#view;
    const start = this.#at;
    for (let index = 0; index < words.length; index++) {
      view.setInt32(start + WORD_BYTES * index, words[index] ?? 0, true);
    }
    this.#at = start + sizeBytes;
  }

  text(text: string): void {
    const { length } = text;
    if (length > SHORT_CHARS_MAX) {
      this.#longText(text);
      return;
    }
    this.makeRoom(length);
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
    if (worstBytes > EVENT_LIMITS.stringBytes || this.#at + worstBytes > this.softEnd) {
      this.#cutText(text, EVENT_LIMITS.stringBytes);
      return;
    }
    this.#makeRoomFor(text);
    const bytes = this.#bytes;
    const from = this.#at + 1;
    const end = from + bytes.write(text, from);
    const clean = firstEscape(bytes, this.#view, from, end);
    const escaped = clean === end ? end : this.#escape(clean, end);
    if (escaped === undefined) {
      this.#raw(quote(text));
      return;
    }
    bytes[from - 1] = QUOTE;
    bytes[escaped] = QUOTE;
    this.#at = escaped + 1;
  }

  /**
   * Escapes these bytes where they are and returns their new end. They are put aside first, so far behind
   * that the escaped ones cannot catch up; undefined if there is no room for that.
   */
  #escape(from: number, end: number): number | undefined {
    const bytes = this.#bytes;
    const sizeBytes = end - from;
    const aside = from + sizeBytes * (ESCAPE_BYTES_MAX - 1) + WORD_BYTES;
    if (aside + sizeBytes + SLACK_BYTES > bytes.length) return undefined;
    bytes.copyWithin(aside, from, end);
    return copyEscaped(bytes, this.#view, aside, aside + sizeBytes, from);
  }

  /** As much of the text as may stand here, and how much is missing. */
  #cutText(text: string, bytesMax: number): void {
    const roomBytes = Math.max(
      RESERVED_TEXT_BYTES,
      Math.min(EVENT_LIMITS.stringBytes, this.softEnd - this.#at),
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

  number(value: number): void {
    if (!Number.isFinite(value)) this.text(numberTag(value));
    else if (value > 0 && (value | 0) === value) this.#count(value);
    else if (value > 0 && value < FRACTION_MAX) this.#fraction(value);
    else this.ascii(Object.is(value, -0) ? "-0" : String(value));
  }

  /** A whole number from 1 to 2³¹: nearly every number there is, and no text need be made of it. */
  #count(value: number): void {
    this.makeRoom();
    const bytes = this.#bytes;
    let digits = 1;
    for (let limit = 10; value >= limit && digits < 10; limit *= 10) digits++;
    let at = this.#at + digits;
    this.#at = at;
    for (let rest = value; rest > 0; rest = (rest / 10) | 0) bytes[--at] = DIGIT_0 + (rest % 10);
  }

  /**
   * A temperature, a share, a price. When six decimals say it exactly, they are its text, less the zeros
   * behind: no two decimals of 15 digits are the same double.
   */
  #fraction(value: number): void {
    const millionths = Math.round(value * 1e6);
    if (millionths / 1e6 !== value) {
      this.ascii(String(value));
      return;
    }
    this.makeRoom();
    const whole = Math.floor(value);
    if (whole > 0) this.#count(whole);
    else this.put(DIGIT_0);
    this.put(DOT);
    for (let rest = millionths - whole * 1e6, unit = 1e5; rest > 0; unit /= 10) {
      const digit = Math.floor(rest / unit);
      this.put(DIGIT_0 + digit);
      rest -= digit * unit;
    }
  }

  /** Few characters, none of which needs a second byte. */
  ascii(text: string): void {
    this.makeRoom();
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
    this.#at = at;
  }

  /** A number that kept its text; a very long one is shown, because no reader could compute with it. */
  rawNumber(json: string): void {
    if (json.length > RAW_CHARS_MAX) this.text(json);
    else this.#raw(json);
  }

  #raw(json: string): void {
    this.#makeRoomFor(json);
    this.#at += this.#bytes.write(json, this.#at);
  }

  /** For punctuation: whoever writes anything else leaves room for it. */
  put(byte: number): void {
    this.#bytes[this.#at++] = byte;
  }

  #makeRoomFor(text: string): void {
    // Counting the bytes of a text is a pass over it; mostly there is room for any.
    if (this.#at + text.length * UTF8_BYTES_MAX + SLACK_BYTES <= this.#bytes.length) return;
    this.makeRoom(Buffer.byteLength(text));
  }

  /** Makes sure of so many bytes, and of `SLACK_BYTES` behind them. */
  makeRoom(moreBytes = 0): void {
    const neededBytes = this.#at + moreBytes + SLACK_BYTES;
    if (neededBytes > this.#bytes.length) this.#grow(neededBytes);
  }

  #grow(neededBytes: number): void {
    const largest = this.#bytesMax + SLACK_BYTES;
    if (neededBytes > largest) throw NO_ROOM;
    const sizeBytes = Math.min(largest, Math.max(FIRST_BYTES, 2 * neededBytes));
    const grown = Buffer.allocUnsafeSlow(sizeBytes);
    grown.set(this.written);
    this.#use(grown);
  }

  #use(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Thrown from deep inside, caught where the line begins; an error with a stack would cost more than an event. */
export const NO_ROOM = Symbol("no room");

export const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const DOT = 0x2e;
const DIGIT_0 = 0x30;
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
const WORD_BYTES = 4;
/** Up to here a loop over the characters is cheaper than a call out of JavaScript. */
const SHORT_CHARS_MAX = 40;
/** A key of this length is within the limit whatever it consists of. */
const KEY_CHARS_SAFE = Math.floor(EVENT_LIMITS.keyBytes / ESCAPE_BYTES_MAX);
const RAW_CHARS_MAX = 1_000;
/** With six decimals still a whole number of 31 bits. */
const FRACTION_MAX = 1_000;
/** What a text gets although everything is used up: the longest name, however it is written. */
const RESERVED_TEXT_BYTES = NAME_CHARS_MAX * ESCAPE_BYTES_MAX;
/** `… [cut: 536870888 characters]`, with room. */
const CUT_TAG_BYTES = 64;
