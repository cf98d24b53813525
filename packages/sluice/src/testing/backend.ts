import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Clock, sleep, systemClock } from "@sluice/sdk/internal";

/** What a backend received. */
export interface BackendRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON; undefined if it is none. */
  readonly json: unknown;
}

/** What a backend says. */
export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes go out as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Wait before the status line. */
  readonly delayMs?: number;
  /** Send the body in pieces, with a wait before each. */
  readonly drip?: { readonly bytes: number; readonly everyMs: number };
}

/**
 * One request's fate. "hang": never an answer. "reset": the connection is torn down before the status.
 * "resetAfterStatus": it says 200 and a part of a body first. "endless": 200, and bytes for as long as
 * anybody reads. "pass": the backend's ordinary answer.
 */
export type Step =
  | Answer
  | "hang"
  | "reset"
  | "resetAfterStatus"
  | "endless"
  | "pass"
  | ((request: BackendRequest) => Answer | Promise<Answer>);

/**
 * A server on a free loopback port that does what its script says, one step a request, and then its ordinary
 * answer.
 */
export interface Backend {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** All that arrived whole, in order. */
  readonly requests: readonly BackendRequest[];
  /** Connections that are open now. */
  readonly connections: number;
  /** Adds steps for the next requests. */
  script(...steps: readonly Step[]): void;
  /** Resolves when so many requests have arrived, ever. */
  received(count: number): Promise<void>;
  /** Ends also what hangs. */
  close(): Promise<void>;
}

export interface BackendOptions {
  /** The ordinary answer. Default: 200 with `{}`. */
  readonly answer?: (request: BackendRequest) => Answer | Promise<Answer>;
  readonly clock?: Clock;
}

export async function startBackend(options: BackendOptions = {}): Promise<Backend> {
  const clock = options.clock ?? systemClock;
  const ordinary = options.answer ?? (() => ({ body: {} }));
  const requests: BackendRequest[] = [];
  const steps: Step[] = [];
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();
  const closing = new AbortController();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = await read(request);
    requests.push(received);
    for (const each of waiting) if (requests.length >= each.count) each.resolve();
    const step = steps.shift() ?? "pass";
    switch (step) {
      case "hang":
        return;
      case "reset":
        request.socket.resetAndDestroy();
        return;
      case "resetAfterStatus":
        response.writeHead(200, { "content-length": "1000" });
        response.write('{"res', () => request.socket.resetAndDestroy());
        return;
      case "endless":
        return flood(response);
      case "pass":
        return write(response, await ordinary(received), clock, closing.signal);
      default:
        return write(
          response,
          typeof step === "function" ? await step(received) : step,
          clock,
          closing.signal,
        );
    }
  }

  const server = createServer((request, response) => {
    // A client that goes away in the middle is the client's business.
    response.on("error", () => undefined);
    serve(request, response).catch(() => response.destroy());
  });
  const sockets = socketsOf(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get connections() {
      return sockets.size;
    },
    script: (...added) => void steps.push(...added),
    received(count) {
      if (requests.length >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.add({ count, resolve }));
    },
    async close() {
      closing.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The connections that are open, at any time. */
function socketsOf(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    // A reset is what the script asked for.
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  return sockets;
}

async function read(request: IncomingMessage): Promise<BackendRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    body,
    get json() {
      return parseJson(body);
    },
  };
}

async function write(
  response: ServerResponse,
  answer: Answer,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  // Not even for no time: under a clock that is moved by hand that would be a wait.
  if (answer.delayMs) await sleep(clock, answer.delayMs, signal);
  const isText = typeof answer.body === "string" || answer.body instanceof Uint8Array;
  const body = Buffer.from(isText ? (answer.body as string) : (JSON.stringify(answer.body) ?? ""));
  const type = isText || answer.body === undefined ? {} : { "content-type": "application/json" };
  response.writeHead(answer.status ?? 200, { ...type, ...answer.headers });
  const pieceBytes = answer.drip?.bytes ?? Math.max(body.length, 1);
  for (let position = 0; position < body.length && !signal.aborted; position += pieceBytes) {
    if (answer.drip) await sleep(clock, answer.drip.everyMs, signal);
    response.write(body.subarray(position, position + pieceBytes));
  }
  response.end();
}

function flood(response: ServerResponse): void {
  const bytes = Buffer.alloc(64 * 1024, "x");
  const more = () => {
    while (!response.destroyed && response.write(bytes));
  };
  response.writeHead(200);
  response.on("drain", more);
  more();
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined; // Not JSON: the test that expected some will say so.
  }
}
