import type { Operation, Reading, StreamReader } from "../../providers/provider.ts";
import { Utf8Pieces } from "../../providers/utf8-pieces.ts";
import { KeptText } from "./kept-text.ts";

/** Kept of each side of a call, as the proxy does; of a longer answer the usage is read all the same. */
export const SIDE_CHARS_MAX = 4 * 1024 * 1024;

/** The answer to one attempt, read from the side as its bytes pass. */
export class Answer {
  readonly httpStatus: number;
  readonly requestId: string | undefined;
  readonly isStream: boolean;
  sizeBytes = 0;
  readonly #operation: Operation;
  readonly #stream: StreamReader | undefined;
  readonly #body = new KeptText(SIDE_CHARS_MAX);
  readonly #pieces = new Utf8Pieces();

  constructor(operation: Operation, response: Response) {
    this.#operation = operation;
    this.httpStatus = response.status;
    this.requestId = response.headers.get("x-request-id") ?? undefined;
    this.isStream = /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
    this.#stream = this.isStream ? operation.openStream(SIDE_CHARS_MAX) : undefined;
  }

  /** True from the first token of a stream on. */
  get hasContent(): boolean {
    return this.#stream?.hasContent ?? false;
  }

  add(chunk: Uint8Array): void {
    this.sizeBytes += chunk.byteLength;
    this.#take(this.#pieces.take(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
  }

  /** What it said until now. No more may be added. */
  reading(): Reading {
    this.#take(this.#pieces.end());
    if (this.#stream !== undefined) return this.#stream.end();
    const tail = this.#body.tail();
    return this.#operation.readBody({ text: this.#body.text(), ...(tail !== undefined && { tail }) });
  }

  #take(text: string): void {
    if (this.#stream === undefined) this.#body.add(text);
    else this.#stream.feed(text);
  }
}
