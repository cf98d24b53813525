import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import {
  type AddressInfo,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { type Clock, sleep, systemClock } from "@sluice/sdk/internal";
import { type Answer, writeAnswer } from "./answer.ts";
import { type Fault, inflict } from "./fault.ts";

/** What a backend received. */
export interface BackendRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON; undefined if it is none. */
  readonly json: unknown;
}

/**
 * One request's fate: an answer, a fault, or one of these. "loseAnswer": everything was done, and the
 * connection is torn down before the status. "lie": 200 with the ordinary headers and an empty body, and
 * nothing was done. "html": a page of a proxy with status 200. "pass": the backend's ordinary answer.
 */
export type Step =
  | Answer
  | Fault
  | "loseAnswer"
  | "lie"
  | "html"
  | "pass"
  | ((request: BackendRequest) => Answer | Promise<Answer>);

/**
 * A server on loopback that does what its script says, one step a request, and then what it has
 * chosen to do, which is its ordinary answer at first.
 */
export interface Backend {
  /** `http://HOST:PORT`, without a slash at the end. */
  readonly url: string;
  /** What arrived whole, in order: all of it, or the newest. */
  readonly requests: readonly BackendRequest[];
  /** Connections that are open now. */
  readonly connections: number;
  /** Adds steps for the next requests. */
  script(...steps: readonly Step[]): void;
  /** What every request gets from now on that has no step of the script. */
  choose(chosen: (request: BackendRequest) => Step): void;
  /** Resolves when so many requests have arrived, ever. */
  received(count: number): Promise<void>;
  /** Ends also what hangs. */
  close(): Promise<void>;
}

export interface BackendOptions {
  /** Connections wait so long before anything is read from them. */
  readonly acceptDelayMs?: number;
  /** Speaks this instead of HTTP to whoever connects, as a port that is somebody else's, or broken TLS. */
  readonly greeting?: string | Uint8Array;
  /** The ordinary answer. Default: 200 with `{}`. */
  readonly answer?: (request: BackendRequest) => Answer | Promise<Answer>;
  /** Default: a free port of 127.0.0.1. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** How many of the newest requests are kept. Default: all of them. */
  readonly keep?: number;
  readonly clock?: Clock;
}

export async function startBackend(options: BackendOptions = {}): Promise<Backend> {
  const clock = options.clock ?? systemClock;
  const ordinary = options.answer ?? (() => ({ body: {} }));
  const { keep = Number.POSITIVE_INFINITY, listen = { host: "127.0.0.1", port: 0 } } = options;
  const requests: BackendRequest[] = [];
  let arrived = 0;
  const steps: Step[] = [];
  let choose: (request: BackendRequest) => Step = () => "pass";
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();
  const closing = new AbortController();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = await read(request);
    requests.push(received);
    if (requests.length > keep) requests.shift();
    arrived++;
    for (const each of waiting) if (arrived >= each.count) each.resolve();
    const step = steps.shift() ?? choose(received);
    const say = (answer: Answer) => writeAnswer(response, answer, clock, closing.signal);
    switch (step) {
      case "loseAnswer":
        await ordinary(received);
        request.socket.resetAndDestroy();
        return;
      case "lie":
        return say({ headers: { "content-type": "application/json" } });
      case "html":
        return say(SIGN_IN);
      case "pass":
        return say(await ordinary(received));
      default:
        if (typeof step === "string") return inflict(step, request.socket);
        return say(typeof step === "function" ? await step(received) : step);
    }
  }

  const server = createServer((request, response) => {
    // A client that goes away in the middle is the client's business.
    response.on("error", () => undefined);
    serve(request, response).catch(() => response.destroy());
  });
  const door = doorOf(server, options, clock, closing.signal);
  const sockets = socketsOf(door);
  await new Promise<void>((resolve, reject) => {
    door.once("error", reject);
    door.listen(listen.port, listen.host, resolve);
  });
  const { port } = door.address() as AddressInfo;
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;

  return {
    url: `http://${host}:${port}`,
    requests,
    get connections() {
      return sockets.size;
    },
    script: (...added) => void steps.push(...added),
    choose(chosen) {
      choose = chosen;
    },
    received(count) {
      if (arrived >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.add({ count, resolve }));
    },
    async close() {
      closing.abort();
      const closed = new Promise((resolve) => door.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What a login in front of the backend says. */
const SIGN_IN: Answer = {
  headers: { "content-type": "text/html" },
  body: "<!doctype html><title>Sign in</title><p>Your session has ended.",
};

/** What listens: the server itself, or somebody in front of it who is slow, or speaks something else. */
function doorOf(server: Server, options: BackendOptions, clock: Clock, signal: AbortSignal): NetServer {
  const { greeting, acceptDelayMs } = options;
  if (greeting !== undefined) return createNetServer((socket) => socket.resume().end(greeting));
  if (acceptDelayMs === undefined) return server;
  return createNetServer(async (socket) => {
    await sleep(clock, acceptDelayMs, signal);
    server.emit("connection", socket);
  });
}

/** The connections that are open, at any time. */
function socketsOf(server: NetServer): ReadonlySet<Socket> {
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

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined; // Not JSON: the test that expected some will say so.
  }
}
