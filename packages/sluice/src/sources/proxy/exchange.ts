import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { type Fault, faultOf, sendFault, timeoutFault } from "./fault.ts";
import { requestHeaders, responseHeaders } from "./headers.ts";
import type { Rewritten, StreamFilter } from "./strip-usage.ts";
import type { Upstream } from "./upstream.ts";

/**
 * One call on its way through, bytes only. Each chunk is written to the other side as it comes, and a side
 * that cannot take more stops the other one. Nothing here waits for, or fails because of, what looks on
 * (`Tap`).
 *
 *     open ──answer──▶ answered ──its end──▶ over(done)
 *      │                  ├──client hangs up──▶ over(client_gone)   the upstream request is aborted at once
 *      │                  └──upstream breaks──▶ over(fault)         the client's connection ends as it did
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
  /**
   * Changes the request, which then is read whole before it goes; the rewritten one may filter the answer.
   */
  readonly rewrite?: ((body: Buffer) => Rewritten) | undefined;
  /** Monotonic time of the start. */
  readonly nowMs: number;
  onOver(exchange: Exchange): void;
}

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #tap: Tap | undefined;
  /** Its place among the active calls, which keep it. */
  place = -1;
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

  /**
   * Starts passing the call on. Its bytes are streamed, unless `rewrite` wants to see the whole request
   * first.
   */
  start(): void {
    this.#response.on("close", () => this.#clientClosed());
    // A client that vanishes is told by "close"; without listeners its errors would be thrown.
    this.#response.on("error", () => {});
    this.#request.on("error", () => {});
    const { rewrite } = this.#options;
    if (rewrite !== undefined) {
      this.#collectRequest(rewrite);
      return;
    }
    const outgoing = this.#open();
    if (outgoing !== undefined) this.#passRequest(outgoing);
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

  #open(rewritten?: Rewritten): ClientRequest | undefined {
    const { upstream, rest } = this.#options;
    const { method = "GET", rawHeaders } = this.#request;
    const headers = requestHeaders(method, rawHeaders, upstream.host, rewritten?.body.length);
    try {
      const outgoing = upstream.request(method, upstream.path(rest), headers);
      outgoing.on("response", (incoming) => this.#answer(incoming));
      outgoing.on("error", (error) => this.#break(error));
      this.#outgoing = outgoing;
      return outgoing;
    } catch {
      // Node refuses what no HTTP request may hold, such as a space in the path.
      const message =
        "The request cannot be passed on: its path or a header holds characters that HTTP forbids.";
      this.#fail({ reason: "bad_request", httpStatus: 400, message });
      return undefined;
    }
  }

  #collectRequest(rewrite: (body: Buffer) => Rewritten): void {
    const chunks: Buffer[] = [];
    this.#request.on("data", (chunk: Buffer) => {
      this.#hasMoved = true;
      chunks.push(chunk);
      this.#tap?.requestChunk(chunk);
    });
    this.#request.on("end", () => {
      if (this.#isOver) return;
      const rewritten = rewrite(Buffer.concat(chunks));
      this.#filter = rewritten.filter;
      this.#open(rewritten)?.end(rewritten.body);
      this.#tap?.requestEnd();
    });
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
    if (this.#filter !== undefined && !isPlainStream(incoming)) this.#filter = undefined;
    const headers = responseHeaders(incoming.rawHeaders);
    response.writeHead(status, incoming.statusMessage ?? "", headers);
    incoming.on("data", (chunk: Buffer) => this.#passChunk(incoming, chunk));
    incoming.on("end", () => this.#done(incoming));
    incoming.on("error", (error) => this.#break(error));
    this.#tap?.answer(status, incoming);
    // A body that came with the headers is written in the tick that "data" begins; only headers that come
    // alone go alone.
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
    // What was received still goes out; then the connection ends without the end of the message, so the
    // client knows.
    if (response.socket === null) response.destroy();
    else response.socket.destroySoon();
  }

  #over(ending: Ending): void {
    this.#isOver = true;
    this.#options.onOver(this);
    this.#tap?.end(ending);
  }
}

/** Only events in plain text, of no declared length, can have one taken out. */
function isPlainStream(incoming: IncomingMessage): boolean {
  const {
    "content-type": type = "",
    "content-encoding": encoding,
    "content-length": length,
  } = incoming.headers;
  return /^text\/event-stream\b/i.test(type) && encoding === undefined && length === undefined;
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2)
    pairs.push([raw[index] ?? "", raw[index + 1] ?? ""]);
  return pairs;
}
