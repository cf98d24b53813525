import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { AddressInfo, ListenOptions, Socket } from "node:net";
import { type Clock, codeOf, sleep } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";
import { type Problem, sendProblem } from "../http/problem.ts";
import { allowedHosts, createGuard, type Guard, stripToken } from "./guard.ts";
import { matchRoute, type Route } from "./routes.ts";

/** The one HTTP server: every door is a line of its route table, and the guard stands before all of them. */
export interface ApiServer {
  /** As callers reach it, with the port that was really taken. */
  readonly url: string;
  /** Answers new work with 503 from now on; what watches or stops the daemon is still served. */
  refuse(): void;
  /** Resolves when no work is in flight, at the latest after `waitMs`. */
  idle(waitMs: number): Promise<void>;
  /** Stops listening and cuts what is still open. Idempotent. */
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /**
   * A unix socket to listen on as well, mode 0600: for this user's processes, also those in a container that
   * shares the directory and not the network. What is there under this name must be gone.
   */
  readonly socketPath?: string;
  /** More Host values to answer to. */
  readonly hosts: readonly string[];
  readonly token: string;
  readonly clock: Clock;
  /** Built when the server listens, because some want its address. */
  readonly routes: (url: string) => readonly Route[];
  /** A request was refused before its route saw it. */
  onRefused(code: string): void;
  /** A route threw: a bug. The caller got a 500. */
  onBug(error: unknown): void;
}

/** A client that takes longer to send its headers is broken or hostile. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Uploads through the proxy may be slow; five minutes for the whole request is Node's own measure. */
const REQUEST_TIMEOUT_MS = 300_000;
/** Node looks for late requests this often. Its default, 30 s, would make the ten above up to forty. */
const TIMEOUT_CHECK_MS = 2_000;
/** Longer than clients keep theirs, so that they close first and never write into a closing connection. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_MAX = 200;
/**
 * Each proxied call holds two descriptors; more than this is not one machine's traffic, and the limit is its
 * protection.
 */
const CONNECTIONS_MAX = 4_096;

/**
 * Listens, or rejects with a SluiceError: the address is taken or forbidden, or it is exposed and has no
 * token.
 */
export async function openServer(options: ServerOptions): Promise<ApiServer> {
  const { listen, socketPath, onBug } = options;
  const server = createHttpServer();
  await listenPublicly(server, listen);
  const socket = socketPath === undefined ? undefined : createHttpServer();
  if (socket !== undefined && socketPath !== undefined) {
    try {
      await listenPrivately(socket, socketPath);
    } catch (error) {
      await new Promise((resolve) => server.close(resolve));
      throw error;
    }
  }
  // Out of descriptors, for one: the next connection may work again.
  for (const opened of [server, socket]) opened?.on("error", onBug);
  return new NodeServer(server, socket, options);
}

function createHttpServer(): Server {
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  });
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  server.on("clientError", answerClientError);
  return server;
}

/** Can only this machine reach it? */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

class NodeServer implements ApiServer {
  readonly url: string;
  readonly #servers: readonly Server[];
  readonly #clock: Clock;
  #isRefusing = false;
  #work = 0;
  #onIdle: (() => void) | undefined;

  constructor(server: Server, socket: Server | undefined, options: ServerOptions) {
    this.#servers = socket === undefined ? [server] : [server, socket];
    this.#clock = options.clock;
    const port = portOf(server);
    const { host } = options.listen;
    this.url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const routes = options.routes(this.url);
    const { token, clock } = options;
    const hosts = allowedHosts(host, port, options.hosts);
    this.#listen(server, routes, createGuard({ hosts, token, isExposed: !isLoopback(host), clock }), options);
    if (socket === undefined) return;
    // No page and no other machine can reach it, and a client has no port to name.
    const guard = createGuard({ hosts: new Set(["localhost"]), token, isExposed: false, clock });
    this.#listen(socket, routes, guard, options);
  }

  #listen(server: Server, routes: readonly Route[], guard: Guard, options: ServerOptions): void {
    const refuse = (
      response: ServerResponse,
      problem: Problem,
      headers: Readonly<Record<string, string>> = {},
    ) => {
      options.onRefused(problem.code);
      // The body was not read: the connection cannot be used for another request.
      sendProblem(response, problem, { ...headers, connection: "close" });
    };

    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const match = matchRoute(routes, request.method ?? "GET", request.url ?? "/");
      const refusal = guard.check(request, match.status === "found" ? match.route.access : "open");
      if (refusal) return refuse(response, refusal.problem, refusal.headers);
      if (match.status === "notFound") {
        return refuse(response, { status: 404, code: "not_found", detail: "There is nothing at this path." });
      }
      if (match.status === "notAllowed") {
        const detail = `This path answers ${match.allow}.`;
        return refuse(response, { status: 405, code: "method_not_allowed", detail }, { allow: match.allow });
      }
      if (this.#isRefusing && !match.route.whileDraining) {
        return refuse(response, { status: 503, code: "draining", detail: "The daemon is shutting down." });
      }
      stripToken(request);
      if (match.route.isWork ?? true) this.#count(response);
      this.#serve(match.route, request, response, match.target).catch(options.onBug);
    });
  }

  refuse(): void {
    this.#isRefusing = true;
    for (const server of this.#servers) server.closeIdleConnections();
  }

  async idle(waitMs: number): Promise<void> {
    if (this.#work === 0) return;
    const waiting = new AbortController();
    this.#onIdle = () => waiting.abort();
    await sleep(this.#clock, waitMs, waiting.signal);
  }

  async close(): Promise<void> {
    this.#isRefusing = true;
    const open = this.#servers.filter(({ listening }) => listening);
    const closed = open.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const server of open) server.closeAllConnections();
    await Promise.all(closed);
  }

  #count(response: ServerResponse): void {
    this.#work++;
    response.once("close", () => {
      this.#work--;
      if (this.#work === 0) this.#onIdle?.();
    });
  }

  async #serve(
    route: Route,
    request: IncomingMessage,
    response: ServerResponse,
    target: Parameters<Route["serve"]>[2],
  ) {
    try {
      await route.serve(request, response, target);
    } catch (error) {
      if (!response.headersSent) {
        sendProblem(response, {
          status: 500,
          code: "bug",
          detail: "Something went wrong inside; see the log.",
        });
      } else response.destroy();
      throw error;
    }
  }
}

async function listenPublicly(server: Server, { host, port }: ServerOptions["listen"]): Promise<void> {
  try {
    await listenOn(server, { host, port });
  } catch (error) {
    const cause = LISTEN_CAUSES[codeOf(error) ?? ""] ?? messageOf(error);
    throw new SluiceError("LISTEN_FAILED", { listen: `${host}:${port}`, cause }, error);
  }
}

/** What the kernel can name a socket by; Node would cut a longer path. */
const SOCKET_PATH_BYTES_MAX = 107;

/** The socket is made while `listen` is called, and never for a moment with more rights than 0600. */
async function listenPrivately(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new SluiceError("SOCKET_FAILED", { path, cause: `longer than ${SOCKET_PATH_BYTES_MAX} bytes` });
  }
  const umask = process.umask(0o177);
  const listening = listenOn(server, { path });
  process.umask(umask);
  try {
    await listening;
  } catch (error) {
    throw new SluiceError("SOCKET_FAILED", { path, cause: codeOf(error) ?? messageOf(error) }, error);
  }
}

/** Calls `listen` at once. Rejects with Node's error. */
function listenOn(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const LISTEN_CAUSES: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "this user may not use that port",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such host",
};

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

/**
 * What Node refused before there was a request. The socket may be gone or half-written; then there is nobody
 * to answer.
 */
function answerClientError(error: Error, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const status = CLIENT_ERRORS[codeOf(error) ?? ""] ?? 400;
  const code = status === 408 ? "request_timeout" : status === 431 ? "headers_too_large" : "bad_request";
  const body = JSON.stringify({
    type: `urn:sluice:${code}`,
    title: code,
    status,
    code,
    detail: "Not valid HTTP.",
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const CLIENT_ERRORS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
