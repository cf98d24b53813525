import * as http from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A provider on loopback that answers exactly what it is told to: the bytes of a recorded exchange, cut and
 * paced at will, and broken where a test wants it. It understands nothing, so that it can be wrong in every
 * way.
 */
export interface ProviderServer {
  /** Base URL, without `/v1`. */
  readonly url: string;
  /** Requests received so far, their bodies complete. */
  readonly received: readonly ReceivedRequest[];
  /** Client connections that are open now. */
  readonly sockets: number;
  /** What each request is answered with, until something else is said. */
  answer(answer: Answer | ((request: ReceivedRequest) => Answer)): void;
  /**
   * Resolves when a call has been hung up by its client before it was answered in full; counts from the
   * start.
   */
  hungUp(calls: number): Promise<void>;
  close(): Promise<void>;
}

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Answer {
  readonly status?: number;
  /** With or without a length; without one the body goes out chunked. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Each is one write. */
  readonly chunks: readonly Uint8Array[];
  /** Awaited before the chunk with this index is sent, and with the number of chunks before the end. */
  readonly pace?: (index: number) => Promise<void> | void;
  readonly fault?: ProviderFault;
  readonly trailers?: Readonly<Record<string, string>>;
}

/**
 * After so many chunks `reset` breaks the connection, `hang` says nothing more, `end` ends the message as if
 * it were complete. Without any answer at all, `silent` keeps the connection and `drop` closes it.
 */
export type ProviderFault =
  | { readonly after: number; readonly kind: "reset" | "hang" | "end" }
  | { readonly kind: "silent" | "drop" };

/** How a body is cut into writes. */
export type Cut = "whole" | "event" | "byte";

/** Cuts a body: as one, after each blank line as providers send events, or after each byte. */
export function cutBody(body: Buffer, cut: Cut): Buffer[] {
  switch (cut) {
    case "whole":
      return [body];
    case "event":
      return cutEvents(body);
    case "byte":
      return Array.from({ length: body.length }, (_, index) => body.subarray(index, index + 1));
  }
}

/** Listens on a free port of the loopback interface. */
export async function openProviderServer(): Promise<ProviderServer> {
  const server = new Server();
  await server.listen();
  return server;
}

class Server implements ProviderServer {
  readonly received: ReceivedRequest[] = [];
  readonly #server = http.createServer((request, response) => this.#receive(request, response));
  #answer: (request: ReceivedRequest) => Answer = () => ({ status: 500, chunks: [] });
  #sockets = 0;
  #hungUp = 0;
  #waiting: { readonly calls: number; tell(): void }[] = [];

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get sockets(): number {
    return this.#sockets;
  }

  listen(): Promise<void> {
    this.#server.on("connection", (socket) => {
      this.#sockets++;
      socket.on("close", () => {
        this.#sockets--;
      });
    });
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  answer(answer: Answer | ((request: ReceivedRequest) => Answer)): void {
    this.#answer = typeof answer === "function" ? answer : () => answer;
  }

  hungUp(calls: number): Promise<void> {
    if (this.#hungUp >= calls) return Promise.resolve();
    return new Promise((tell) => this.#waiting.push({ calls, tell }));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #receive(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    response.on("error", () => {});
    response.on("close", () => {
      if (!response.writableFinished) this.#countHangUp();
    });
    request.on("end", () => {
      const { method = "GET", url: path = "/", headers } = request;
      const received = { method, path, headers, body: Buffer.concat(chunks) };
      this.received.push(received);
      void send(response, this.#answer(received));
    });
  }

  #countHangUp(): void {
    this.#hungUp++;
    for (const waiting of this.#waiting) if (this.#hungUp >= waiting.calls) waiting.tell();
  }
}

async function send(response: http.ServerResponse, answer: Answer): Promise<void> {
  const { fault, chunks, pace } = answer;
  if (fault !== undefined && !("after" in fault)) {
    if (fault.kind === "drop") response.socket?.destroy();
    return;
  }
  response.sendDate = false;
  response.writeHead(answer.status ?? 200, answer.headers);
  for (const [index, chunk] of chunks.entries()) {
    if (fault?.after === index) return breakOff(response, fault.kind);
    if (index === 0) response.flushHeaders();
    await pace?.(index);
    if (response.destroyed) return;
    const hasRoom = response.write(chunk);
    if (!hasRoom) await drained(response);
  }
  if (fault !== undefined) return breakOff(response, fault.kind);
  await pace?.(chunks.length);
  if (answer.trailers !== undefined) response.addTrailers(answer.trailers);
  response.end();
}

function breakOff(response: http.ServerResponse, kind: "reset" | "hang" | "end"): void {
  switch (kind) {
    case "reset":
      response.flushHeaders();
      response.socket?.destroySoon();
      return;
    case "hang":
      response.flushHeaders();
      return;
    case "end":
      response.end();
      return;
  }
}

function drained(response: http.ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go);
      response.off("close", go);
      resolve();
    };
    response.on("drain", go);
    response.on("close", go);
  });
}

function cutEvents(body: Buffer): Buffer[] {
  const events: Buffer[] = [];
  let from = 0;
  while (from < body.length) {
    const blank = body.indexOf("\n\n", from);
    const end = blank < 0 ? body.length : blank + 2;
    events.push(body.subarray(from, end));
    from = end;
  }
  return events;
}
