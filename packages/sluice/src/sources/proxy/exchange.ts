import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { type Fault, faultOf, sendFault, timeoutFault } from "./fault.ts";
import { requestHeaders, responseHeaders } from "./headers.ts";
import type { StreamFilter } from "./strip-usage.ts";
import type { Upstream } from "./upstream.ts";

/**
 * One call on its way through, bytes only. Each chunk is written to the other side as it comes, and a side that cannot take
 * more stops the other one. Nothing here waits for, or fails because of, what looks on (`Tap`).
 *
 *     open ──answer──▶ answered ──its end──▶ over(done)
 *      │                  ├──client hangs up──▶ over(client_gone)   the upstream request is aborted at once
 *      │                  └──upstream breaks──▶ over(fault)         the client's connection ends after the last byte
 *      ├──client hangs up──▶ over(client_gone)
 *      └──no answer, no connection, time-out──▶ over(fault)         the client gets 502 or 504
 */
export interface Tap {
  requestChunk(chunk: Buffer): void;
  requestEnd(): void;
  answer(status: number, incoming: IncomingMessage): void;
  responseChunk(chunk: Buffer): void;
  end(ending: Ending): void;
}

export type Ending =
  | { readonly by: "done" }
  | { readonly by: "client" }
  | { readonly by: "fault"; readonly fault: Fault; readonly hadAnswer: boolean };

export interface ExchangeOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upstream: Upstream;
  /** What follows the mount, with its query. */
  readonly rest: string;
  readonly tap: Tap | undefined;
  /** Monotonic time of the start. */
  readonly nowMs: number;
  onOver(exchange: Exchange): void;
}

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #tap: Tap | undefined;
  #outgoing: ClientRequest | undefined;
  #filter: StreamFilter | undefined;
  #hadAnswer = false;
  #hasPassed = false;
  #isOver = false;
  /** A byte has moved in either direction since the last look. */
  #hasMoved = false;
  /** Nothing has moved since; as exact as looks are frequent, and free of cost for the bytes. */
  #stillSinceMs: number;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#request = options.request;
    this.#response = options.response;
    this.#tap = options.tap;
    this.#stillSinceMs = options.nowMs;
  }

  /** Starts passing the request on; its body is streamed unless `body` has it whole already. */
  start(body?: Buffer, filter?: StreamFilter): void {
    const { upstream, rest } = this.#options;
    const method = this.#request.method ?? "GET";
    this.#filter = filter;
    const outgoing = this.#open(method, upstream.path(rest), body);
    if (outgoing === undefined) return;
    this.#outgoing = outgoing;
    outgoing.on("response", (incoming) => this.#answer(incoming));
    outgoing.on("error", (error) => this.#break(error));
    this.#response.on("close", () => this.#clientClosed());
    // A client that vanishes is told by "close"; without listeners its errors would be thrown.
    this.#response.on("error", () => {});
    this.#request.on("error", () => {});
    if (body === undefined) this.#passRequest(outgoing);
    else outgoing.end(body);
  }

  /** A look from time to time (monotonic): ends the call if nothing has moved for the upstream's time-out. */
  expire(nowMs: number): void {
    const { timeoutMs, connectTimeoutMs, host } = this.#options.upstream;
    if (this.#hasMoved) {
      this.#hasMoved = false;
      this.#stillSinceMs = nowMs;
      return;
    }
    const limitMs = this.#isConnecting() ? connectTimeoutMs : timeoutMs;
    if (nowMs - this.#stillSinceMs >= limitMs) this.abort(timeoutFault(host, limitMs));
  }

  /** Ends the call from our side. */
  abort(fault: Fault): void {
    if (this.#isOver) return;
    this.#fail(fault);
    this.#outgoing?.destroy();
  }

  #isConnecting(): boolean {
    const socket = this.#outgoing?.socket;
    return !this.#hadAnswer && (socket === null || socket === undefined || socket.connecting);
  }

  #open(method: string, path: string, body: Buffer | undefined): ClientRequest | undefined {
    const { upstream } = this.#options;
    const headers = requestHeaders(method, this.#request.rawHeaders, upstream.host, body?.length);
    try {
      return upstream.request(method, path, headers);
    } catch {
      // Node refuses what no HTTP request may hold, such as a space in the path.
      const message =
        "The request cannot be passed on: its path or a header holds characters that HTTP forbids.";
      this.#fail({ reason: "bad_request", httpStatus: 400, message });
      return undefined;
    }
  }

  #passRequest(outgoing: ClientRequest): void {
    const request = this.#request;
    request.on("data", (chunk: Buffer) => {
      this.#hasMoved = true;
      if (!outgoing.write(chunk)) {
        request.pause();
        outgoing.once("drain", () => request.resume());
      }
      this.#tap?.requestChunk(chunk);
    });
    request.on("end", () => {
      outgoing.end();
      this.#tap?.requestEnd();
    });
  }

  #answer(incoming: IncomingMessage): void {
    if (this.#isOver) return;
    const response = this.#response;
    this.#hadAnswer = true;
    this.#hasMoved = true;
    const status = incoming.statusCode ?? 502;
    // The provider's own Date passes; one of ours beside it would be a lie.
    response.sendDate = false;
    const headers = responseHeaders(incoming.rawHeaders);
    response.writeHead(status, incoming.statusMessage ?? "", headers);
    incoming.on("data", (chunk: Buffer) => this.#passChunk(incoming, chunk));
    incoming.on("end", () => this.#done(incoming));
    incoming.on("error", (error) => this.#break(error));
    this.#tap?.answer(status, incoming);
    // A body that came with the headers is written in the tick that "data" begins; only headers that come alone go alone.
    process.nextTick(() => {
      if (!this.#isOver && !this.#hasPassed) response.flushHeaders();
    });
  }

  #passChunk(incoming: IncomingMessage, chunk: Buffer): void {
    if (this.#isOver) return;
    this.#hasPassed = true;
    this.#hasMoved = true;
    const passed = this.#filter === undefined ? chunk : this.#filter.pass(chunk);
    if (passed.length > 0 && !this.#response.write(passed)) {
      incoming.pause();
      this.#response.once("drain", () => {
        this.#hasMoved = true;
        incoming.resume();
      });
    }
    this.#tap?.responseChunk(chunk);
  }

  #done(incoming: IncomingMessage): void {
    if (this.#isOver) return;
    const response = this.#response;
    const { rawTrailers } = incoming;
    if (rawTrailers.length > 0) response.addTrailers(pairsOf(rawTrailers));
    const rest = this.#filter?.end();
    if (rest !== undefined && rest.length > 0) response.end(rest);
    else response.end();
    this.#over({ by: "done" });
    if (this.#request.complete) return;
    // Answered before the request was sent: what still comes is nobody's any more.
    this.#request.resume();
    this.#outgoing?.destroy();
  }

  #clientClosed(): void {
    if (this.#isOver) return;
    this.#over({ by: "client" });
    this.#outgoing?.destroy();
  }

  #break(error: unknown): void {
    if (!this.#isOver) this.#fail(faultOf(error, this.#options.upstream.host));
  }

  #fail(fault: Fault): void {
    const response = this.#response;
    const hadAnswer = this.#hadAnswer;
    this.#over({ by: "fault", fault, hadAnswer });
    if (!hadAnswer) {
      sendFault(response, fault);
      this.#request.resume();
      return;
    }
    // What was received still goes out; then the connection ends without the end of the message, so the client knows.
    if (response.socket === null) response.destroy();
    else response.socket.destroySoon();
  }

  #over(ending: Ending): void {
    this.#isOver = true;
    this.#options.onOver(this);
    this.#tap?.end(ending);
  }
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2)
    pairs.push([raw[index] ?? "", raw[index + 1] ?? ""]);
  return pairs;
}
