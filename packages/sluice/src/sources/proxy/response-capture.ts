import { type Operation, type Reading, type StreamReader, Utf8Pieces } from "@sluice/sdk/internal";
import type { CallTime } from "./call-time.ts";
import { type Decoder, openDecoder } from "./decode.ts";
import { headerOf } from "./headers.ts";
import { type HeldBytes, KeptBytes } from "./kept-bytes.ts";

export interface ResponseOptions {
  readonly operation: Operation;
  readonly held: HeldBytes;
  readonly bytesMax: number;
  readonly time: CallTime;
  /** Something is there to be read: call `read` when there is time. */
  onReadable(): void;
}

/** The answer of one call, seen from the side: collects its bytes, decodes a copy, reads it in slices. */
export class ResponseCapture {
  readonly #options: ResponseOptions;
  readonly #stream: StreamReader | undefined;
  readonly #body: KeptBytes;
  readonly #pieces = new Utf8Pieces();
  readonly #decoder: Decoder | "unknown" | undefined;
  /** What has come and is not read yet. */
  #pending: Buffer[] = [];
  /** When each of it came; taken until the first token is found. */
  #pendingTimesMs: number[] = [];
  #onEnd: (() => void) | undefined;
  #isDamaged = false;
  #isCut = false;
  #sizeBytes = 0;
  #heldBytes = 0;
  firstTokenMs: number | undefined;

  /** `headers` is the raw header list of the answer. */
  constructor(options: ResponseOptions, headers: readonly string[]) {
    const { operation, bytesMax } = options;
    this.#options = options;
    this.#body = new KeptBytes(options.held, bytesMax);
    const isStream = /^text\/event-stream\b/i.test(headerOf(headers, "content-type") ?? "");
    this.#stream = isStream ? operation.openStream(bytesMax) : undefined;
    const encoding = headerOf(headers, "content-encoding");
    if (encoding === undefined) return;
    this.#decoder = openDecoder(encoding, {
      onChunk: (chunk) => this.#take(chunk),
      onEnd: (isDamaged) => this.#decoded(isDamaged),
    });
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isStream(): boolean {
    return this.#stream !== undefined;
  }

  add(chunk: Buffer): void {
    if (this.#decoder === undefined) this.#take(chunk);
    else if (this.#decoder === "unknown") this.#sizeBytes += chunk.length;
    else this.#decoder.write(chunk);
  }

  /**
   * No more comes. Calls `onEnd` when everything is there to be read, which is at once unless a copy is being
   * decoded.
   */
  end(onEnd: () => void): void {
    if (this.#decoder === undefined || this.#decoder === "unknown") {
      onEnd();
      return;
    }
    this.#onEnd = onEnd;
    this.#decoder.end();
  }

  /**
   * Reads what has come of a stream, a chunk at a time: they mostly end where an event ends, and die young
   * that way.
   */
  read(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    let index = 0;
    for (const chunk of this.#pending) {
      stream.feed(this.#pieces.take(chunk));
      if (this.firstTokenMs === undefined && stream.hasContent) {
        this.firstTokenMs = this.#pendingTimesMs[index];
      }
      index++;
    }
    this.#pending = [];
    this.#pendingTimesMs = [];
  }

  /** There was no memory for all of it. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** What the answer said; undefined when it could not be decoded. */
  reading(): Reading | undefined {
    const stream = this.#stream;
    if (this.#decoder === "unknown" || (this.#isDamaged && stream === undefined)) return undefined;
    if (stream !== undefined) {
      this.read();
      stream.feed(this.#pieces.end());
      return stream.end();
    }
    const tail = this.#body.tail();
    const body = { text: this.#body.text(), ...(tail !== undefined && { tail }) };
    return this.#options.operation.readBody(body);
  }

  /** The beginning of a body, for an answer that is no JSON. */
  text(): string {
    return this.#stream === undefined && this.#decoder !== "unknown" ? this.#body.text() : "";
  }

  release(): void {
    this.#body.release();
    this.#options.held.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
    this.#pending = [];
    this.#pendingTimesMs = [];
  }

  #take(chunk: Buffer): void {
    this.#sizeBytes += chunk.length;
    if (this.#stream === undefined) {
      this.#body.add(chunk);
      return;
    }
    if (!this.#hold(chunk.length)) return;
    this.#pending.push(chunk);
    if (this.firstTokenMs === undefined) this.#pendingTimesMs.push(this.#options.time.nowMs());
    if (this.#pending.length === 1) this.#options.onReadable();
  }

  /**
   * What a reader keeps of a stream is at most what came, and at most `bytesMax`. Where there is no room for
   * more, nothing that comes later is read: a stream with a hole in it would be read wrongly.
   */
  #hold(bytes: number): boolean {
    const { held, bytesMax } = this.#options;
    if (this.#isCut) return false;
    const wanted = Math.min(bytes, bytesMax - this.#heldBytes);
    this.#isCut = wanted > 0 && !held.take(wanted);
    if (this.#isCut) return false;
    this.#heldBytes += wanted;
    return true;
  }

  #decoded(isDamaged: boolean): void {
    this.#isDamaged = isDamaged;
    this.#onEnd?.();
  }
}
