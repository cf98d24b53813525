import { type Clock, codeOf } from "@sluice/sdk/internal";
import { Pool } from "undici";
import type { AddressGuard } from "./addresses.ts";
import { type Failure, failureOf, failureOfError } from "./classify.ts";
import { createConnector, tryConnection } from "./connector.ts";
import { HttpExchange, type HttpResponse } from "./http-exchange.ts";
import type { Resolve } from "./lookup.ts";
import { createRedactor } from "./redact.ts";
import { untilAborted } from "./until-aborted.ts";

/** More connections to one backend than batches in flight would stand idle. */
const CONNECTIONS_MAX = 8;
const CONNECT_TIMEOUT_MS = 10_000;
/** A connection in use is renewed this often, so that a backend whose name has moved is followed. */
const CONNECTION_AGE_MS_MAX = 300_000;
/**
 * The whole attempt, from the connection to the last byte: longer, and the backend will not have answered
 * anyway.
 */
const ATTEMPT_TIMEOUT_MS = 30_000;
/** What is read of an answer. A backend that says more is not believed, and cannot fill our memory. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** The same for its headers, whatever --max-http-header-size says: that is for who listens. */
const HEADERS_BYTES_MAX = 16 * 1024;

type Headers = Readonly<Record<string, string>>;

export interface HttpSendOptions {
  readonly url: string;
  readonly headers: Headers;
  /** Never shown: whatever the backend says is searched for them. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
  readonly connectionAgeMsMax?: number;
  /** Default: the system's. */
  readonly resolve?: Resolve;
  /** Where the URL comes from somebody who may not reach all that this machine can. Default: no limits. */
  readonly guard?: AddressGuard;
  /** How a refusal is read where it is no text. */
  readonly wordsIn?: (bytes: Uint8Array, contentType: string) => string;
}

/** The backend's 2xx. `isWhole` is false when the body was longer than we read. */
interface HttpAnswer {
  readonly status: "answered";
  readonly httpStatus: number;
  readonly body: string;
  /** The same for an answer that is no text. */
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly isWhole: boolean;
}

/** What one request has of its own. */
interface RequestParts {
  readonly headers?: Headers;
  /** Path and query, where they are not those of the sink's URL. */
  readonly path?: string;
}

/** The one way in which a sink speaks HTTP: to one server, and whatever comes back becomes a value. */
export interface HttpSend {
  /**
   * POSTs to the URL. Never throws. An aborted signal ends it at once, as `retry`. Redirects are never
   * followed.
   */
  post(body: string | Uint8Array, signal: AbortSignal, parts?: RequestParts): Promise<HttpAnswer | Failure>;
  /** The same for what is only asked for, as a version. */
  get(path: string, signal: AbortSignal): Promise<HttpAnswer | Failure>;
  /** Connects and hangs up, for a backend that has nothing to be asked. Undefined if that went well. */
  reach(signal: AbortSignal): Promise<Failure | undefined>;
  /** A text of the backend's, made safe to show. */
  redact(words: string): string;
  /** Closes all connections, also busy ones. Idempotent. */
  close(): Promise<void>;
}

export function createHttpSend(options: HttpSendOptions): HttpSend {
  const timeoutMs = options.timeoutMs ?? ATTEMPT_TIMEOUT_MS;
  const redact = createRedactor(options.secrets);
  const answerBytesMax = options.answerBytesMax ?? ANSWER_BYTES_MAX;
  const { origin, pathname, search } = new URL(options.url);
  const { clock, resolve, guard } = options;
  const connecting = { clock, timeoutMs: Math.min(CONNECT_TIMEOUT_MS, timeoutMs), resolve, guard };
  const closing = new AbortController();
  const pool = new Pool(origin, {
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    clientTtl: options.connectionAgeMsMax ?? CONNECTION_AGE_MS_MAX,
    connect: createConnector(connecting),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxHeaderSize: HEADERS_BYTES_MAX,
  });
  const ownPath = `${pathname}${search}`;
  /** Set by the first answer: from then on a connection may be a reused one. */
  let hasAnswered = false;

  function exchange(message: Message, giveUp: GiveUp): Promise<HttpResponse> {
    const started = new HttpExchange(answerBytesMax);
    giveUp.now = () => started.abort();
    pool.dispatch(message, started);
    return started.response;
  }

  async function attempt(message: Message, giveUp: GiveUp): Promise<HttpAnswer | Failure> {
    const response = await withOneSilentRetry(hasAnswered, () => exchange(message, giveUp));
    hasAnswered = true;
    const { httpStatus, bytes, isWhole } = response;
    const contentType = headerOf(response, "content-type") ?? "";
    if (httpStatus >= 200 && httpStatus < 300) {
      return { status: "answered", httpStatus, body: bytes.toString("utf8"), bytes, contentType, isWhole };
    }
    const refusal = {
      httpStatus,
      retryAfter: headerOf(response, "retry-after"),
      date: headerOf(response, "date"),
      location: safeLocation(headerOf(response, "location")),
      words: redact(options.wordsIn?.(bytes, contentType) ?? bytes.toString("utf8")),
    };
    return failureOf(refusal, options.clock.nowMs());
  }

  async function request(message: Message, signal: AbortSignal): Promise<HttpAnswer | Failure> {
    if (signal.aborted) return { status: "retry", reason: "stopped before it was sent" };
    const giveUp: GiveUp = { now() {} };
    let isLate = false;
    const stop = () => giveUp.now();
    const timer = options.clock.after(timeoutMs, () => {
      isLate = true;
      stop();
    });
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await attempt(message, giveUp);
    } catch (error) {
      if (signal.aborted) return { status: "retry", reason: "stopped while it was sent" };
      if (isLate) return { status: "retry", reason: `no answer within ${timeoutMs} ms` };
      return failureOfError(error, redact(wordsOf(error)));
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", stop);
    }
  }

  return {
    post: (body, signal, { path = ownPath, headers } = {}) =>
      request({ method: "POST", path, body, headers: { ...options.headers, ...headers } }, signal),
    get(path, signal) {
      const { "content-type": _, ...headers } = options.headers;
      return request({ method: "GET", path, body: null, headers }, signal);
    },
    async reach(caller) {
      const signal = AbortSignal.any([caller, closing.signal]);
      const stopped: Failure = { status: "retry", reason: "stopped while it was tried" };
      if (signal.aborted) return stopped;
      const tried = tryConnection(origin, { ...connecting, signal }).then(
        () => undefined,
        (error) => failureOfError(error, redact(wordsOf(error))),
      );
      return untilAborted(tried, signal, stopped);
    },
    redact,
    async close() {
      closing.abort();
      if (!pool.destroyed) await pool.destroy();
    },
  };
}

interface Message {
  readonly method: "POST" | "GET";
  readonly path: string;
  readonly body: string | Uint8Array | null;
  readonly headers: Headers;
}

/** Ends whatever request an attempt has under way. */
interface GiveUp {
  now: () => void;
}

/**
 * A server may close an idle connection just as we write to it; that says nothing about the server, so a
 * reset on what can be a reused connection is tried once more without a word. The ids make a second arrival
 * harmless.
 */
async function withOneSilentRetry(
  mayBeReused: boolean,
  send: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    return await send();
  } catch (error) {
    const code = codeOf(error);
    const isReset = code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE";
    if (!mayBeReused || !isReset) throw error;
    return send();
  }
}

function headerOf({ headers }: HttpResponse, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** Where a redirect points, without what may be secret in it. */
function safeLocation(location: string | undefined): string | undefined {
  if (location === undefined || !URL.canParse(location)) return undefined;
  return new URL(location).origin;
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // undici wraps some causes; a host with several addresses fails with one error that holds the others.
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.message || (first instanceof Error ? first.message : "") || error.name;
}
