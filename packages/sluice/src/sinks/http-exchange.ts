import type { Dispatcher } from "undici";

export interface HttpResponse {
  readonly httpStatus: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly bytes: Buffer;
  /** False when the body was longer than what is read of it. */
  readonly isWhole: boolean;
}

/**
 * One request and its answer, straight from undici's parser: no stream is built for an answer of some bytes,
 * which costs as much as everything else about a request. `response` resolves once, with the whole answer or
 * as much as may be read of it, or rejects with undici's error; after `abort` it rejects at once, even where
 * the connection is still being made. A connection with unread bytes is let go.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly #settled = Promise.withResolvers<HttpResponse>();
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;
  #httpStatus = 0;
  #headers: HttpResponse["headers"] = {};
  #sizeBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get response(): Promise<HttpResponse> {
    return this.#settled.promise;
  }

  abort(): void {
    this.#fail(new Error("given up"));
    this.#letGo();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) this.#letGo();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    httpStatus: number,
    headers: HttpResponse["headers"],
  ): void {
    this.#httpStatus = httpStatus;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    this.#chunks.push(chunk.subarray(0, this.#bytesMax - this.#sizeBytes));
    this.#sizeBytes += chunk.length;
    if (this.#sizeBytes <= this.#bytesMax) return;
    this.#finish(false);
    this.#letGo();
  }

  onResponseEnd(): void {
    this.#finish(true);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  #finish(isWhole: boolean): void {
    this.#isOver = true;
    const [first] = this.#chunks;
    const bytes = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    this.#settled.resolve({ httpStatus: this.#httpStatus, headers: this.#headers, bytes, isWhole });
  }

  #fail(error: Error): void {
    this.#isOver = true;
    this.#settled.reject(error);
  }

  #letGo(): void {
    this.#controller?.abort(new Error("its answer is not wanted any more"));
  }
}
