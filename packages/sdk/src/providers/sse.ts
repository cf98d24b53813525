/**
 * Splits server-sent events by the WHATWG rules (HTML, "Interpreting an event stream"), whatever way the text
 * is cut: lines end with LF, CRLF or CR; `data:` with or without a space, several lines joined by LF;
 * comments and unknown fields are skipped; a byte order mark at the start is dropped. Two things differ on
 * purpose, because a capture wants to know what was said: an event that the end of the stream cut off is
 * delivered too, marked `isUnfinished`, and one that is too long is delivered with its head and its tail,
 * marked by `tail`, so that a stream of any length needs bounded memory.
 */
export interface ServerSentEvent {
  /** The `event:` field; empty when there was none. */
  readonly name: string;
  readonly data: string;
  readonly isUnfinished?: boolean;
  /** The last characters of an event of which `data` is only the beginning. */
  readonly tail?: string;
}

export interface SseOptions {
  /** `raw` is the event as it stood in the stream, with its blank line, when it lay in one piece. */
  onEvent(event: ServerSentEvent, raw: string): void;
  /**
   * A look ahead for readers that know a cheaper way: called where an event begins, it returns where the
   * events end that it took itself; `from` when it took none.
   */
  skim?(text: string, from: number): number;
  /** One event longer than this keeps its head and its tail. */
  readonly eventCharsMax?: number;
}

export interface SseSplitter {
  feed(text: string): void;
  /** Delivers what the stream ended in the middle of. */
  end(): void;
}

/** An event that carries an image is some MiB of base64; nothing that a reader needs whole comes near. */
const EVENT_CHARS_MAX = 4 * 1024 * 1024;
/** A usage object is some hundred characters and stands at the end of the last event. */
const TAIL_CHARS = 64 * 1024;

export function createSseSplitter(options: SseOptions): SseSplitter {
  return new Splitter(options);
}

class Splitter implements SseSplitter {
  readonly #options: SseOptions;
  readonly #eventCharsMax: number;
  /** Text that is not a whole event yet; the fields of its event that are already read stand below. */
  #rest = "";
  #isFirst = true;
  /** A CR ended the text: an LF that comes next belongs to it. */
  #skipsLf = false;
  #name = "";
  #data: string | undefined;
  #tail: string | undefined;
  #isLong = false;
  /** The line that is being read is part of a `data` value and longer than what is kept. */
  #isInLongLine = false;

  constructor(options: SseOptions) {
    this.#options = options;
    this.#eventCharsMax = options.eventCharsMax ?? EVENT_CHARS_MAX;
  }

  feed(text: string): void {
    if (text === "") return;
    if (this.#isFirst && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    this.#isFirst = false;
    this.#rest = this.#read(this.#rest === "" ? text : this.#rest + text);
    if (this.#rest.length > this.#eventCharsMax) this.#shorten();
  }

  end(): void {
    if (this.#rest !== "") this.#takeLine(this.#rest);
    this.#rest = "";
    this.#dispatch("", true);
  }

  /** Reads whole lines and returns what is left. */
  #read(text: string): string {
    const hasCr = text.includes("\r");
    let at = 0;
    let eventAt = 0;
    if (this.#skipsLf && text.charCodeAt(0) === 10) at = eventAt = 1;
    this.#skipsLf = false;
    for (;;) {
      if (at === eventAt && this.#isBetweenEvents()) at = eventAt = this.#skim(text, at);
      const lineEnd = endOfLine(text, at, hasCr);
      if (lineEnd < 0) return text.slice(at);
      const isBlank = lineEnd === at && !this.#isInLongLine;
      if (!isBlank) this.#takeLine(text.slice(at, lineEnd));
      at = lineEnd + 1;
      if (hasCr && text.charCodeAt(lineEnd) === 13) {
        if (at === text.length) this.#skipsLf = true;
        else if (text.charCodeAt(at) === 10) at++;
      }
      if (!isBlank) continue;
      this.#dispatch(text.slice(eventAt, at), false);
      eventAt = at;
    }
  }

  #skim(text: string, from: number): number {
    return this.#options.skim === undefined ? from : this.#options.skim(text, from);
  }

  #isBetweenEvents(): boolean {
    return this.#data === undefined && this.#name === "" && !this.#isInLongLine;
  }

  #takeLine(line: string): void {
    if (this.#isInLongLine) {
      this.#isInLongLine = false;
      this.#keepTail(line);
      return;
    }
    if (line.startsWith("data:")) this.#appendData(line.slice(line.charCodeAt(5) === 32 ? 6 : 5));
    else if (line === "data") this.#appendData("");
    else if (line.startsWith("event:")) this.#name = line.slice(line.charCodeAt(6) === 32 ? 7 : 6);
    else if (line === "event") this.#name = "";
  }

  #appendData(value: string): void {
    const joined = this.#data === undefined ? value : `${this.#data}\n${value}`;
    if (joined.length <= this.#eventCharsMax && !this.#isLong) {
      this.#data = joined;
      return;
    }
    this.#isLong = true;
    this.#data ??= value.slice(0, this.#eventCharsMax);
    this.#keepTail(value);
  }

  #keepTail(text: string): void {
    const joined = this.#tail === undefined ? text : this.#tail + text;
    this.#tail = joined.slice(-TAIL_CHARS);
  }

  /** A line that has no end yet and is too long already: its head is kept, from then on only its tail. */
  #shorten(): void {
    const text = this.#rest;
    this.#rest = "";
    if (this.#isInLongLine) this.#keepTail(text);
    else if (text.startsWith("data:")) this.#appendData(text.slice(text.charCodeAt(5) === 32 ? 6 : 5));
    this.#isInLongLine = true;
  }

  #dispatch(raw: string, isUnfinished: boolean): void {
    const data = this.#data;
    const tail = this.#tail;
    const name = this.#name;
    this.#name = "";
    this.#data = undefined;
    this.#tail = undefined;
    this.#isLong = false;
    this.#isInLongLine = false;
    if (data === undefined) return;
    this.#options.onEvent(
      { name, data, ...(isUnfinished && { isUnfinished }), ...(tail !== undefined && { tail }) },
      raw,
    );
  }
}

function endOfLine(text: string, from: number, hasCr: boolean): number {
  const lf = text.indexOf("\n", from);
  if (!hasCr) return lf;
  const cr = text.indexOf("\r", from);
  if (cr < 0) return lf;
  return lf < 0 ? cr : Math.min(lf, cr);
}
