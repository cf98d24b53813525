import { type Clock, codeOf } from "@sluice/sdk/internal";
import { Agent, type Dispatcher, request } from "undici";
import { type Failure, failureOf, failureOfError } from "./classify.ts";
import { createRedactor } from "./redact.ts";

/** More connections to one backend than batches in flight would stand idle. */
const CONNECTIONS_MAX = 8;
const CONNECT_TIMEOUT_MS = 10_000;
/**
 * The whole attempt, from the connection to the last byte: longer, and the backend will not have answered
 * anyway.
 */
const ATTEMPT_TIMEOUT_MS = 30_000;
/** What is read of an answer. A backend that says more is not believed, and cannot fill our memory. */
const ANSWER_BYTES_MAX = 64 * 1024;

export interface HttpSendOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Never shown: whatever the backend says is searched for them. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
}

/** The backend's 2xx. `isWhole` is false when the body was longer than we read. */
interface HttpAnswer {
  readonly status: "answered";
  readonly httpStatus: number;
  readonly body: string;
  readonly isWhole: boolean;
}

/** The one way in which a sink speaks HTTP: POSTs to one URL, and turns whatever comes back into a value. */
export interface HttpSend {
  /** Never throws. An aborted signal ends it at once, as `retry`. Redirects are never followed. */
  post(body: string | Uint8Array, signal: AbortSignal): Promise<HttpAnswer | Failure>;
  /** A text of the backend's, made safe to show. */
  redact(words: string): string;
  /** Closes all connections, also busy ones. Idempotent. */
  close(): Promise<void>;
}

export function createHttpSend(options: HttpSendOptions): HttpSend {
  const timeoutMs = options.timeoutMs ?? ATTEMPT_TIMEOUT_MS;
  const redact = createRedactor(options.secrets);
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  /** Set by the first answer: from then on a connection may be a reused one. */
  let hasAnswered = false;

  async function attempt(body: string | Uint8Array, signal: AbortSignal): Promise<HttpAnswer | Failure> {
    const response = await withOneSilentRetry(hasAnswered, () =>
      request(options.url, {
        method: "POST",
        headers: options.headers,
        body,
        dispatcher: agent,
        signal,
      }),
    );
    hasAnswered = true;
    const read = await readCapped(response, options.answerBytesMax ?? ANSWER_BYTES_MAX);
    if (response.statusCode >= 200 && response.statusCode < 300) {
      return { status: "answered", httpStatus: response.statusCode, ...read };
    }
    const refusal = {
      httpStatus: response.statusCode,
      retryAfter: headerOf(response, "retry-after"),
      location: safeLocation(headerOf(response, "location")),
      words: redact(read.body),
    };
    return failureOf(refusal, options.clock.nowMs());
  }

  return {
    async post(body, signal) {
      if (signal.aborted) return { status: "retry", reason: "stopped before it was sent" };
      const deadline = new AbortController();
      const timer = options.clock.after(timeoutMs, () => deadline.abort());
      try {
        return await attempt(body, AbortSignal.any([signal, deadline.signal]));
      } catch (error) {
        if (signal.aborted) return { status: "retry", reason: "stopped while it was sent" };
        if (deadline.signal.aborted) return { status: "retry", reason: `no answer within ${timeoutMs} ms` };
        return failureOfError(error, redact(wordsOf(error)));
      } finally {
        timer.cancel();
      }
    },
    redact,
    async close() {
      if (!agent.destroyed) await agent.destroy();
    },
  };
}

/**
 * A server may close an idle connection just as we write to it; that says nothing about the server, so a
 * reset on what can be a reused connection is tried once more without a word. The ids make a second arrival
 * harmless.
 */
async function withOneSilentRetry(
  mayBeReused: boolean,
  send: () => Promise<Dispatcher.ResponseData>,
): Promise<Dispatcher.ResponseData> {
  try {
    return await send();
  } catch (error) {
    const code = codeOf(error);
    const isReset = code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE";
    if (!mayBeReused || !isReset) throw error;
    return send();
  }
}

/** Reads up to the cap and lets go of the rest; a connection with unread bytes is not used again. */
async function readCapped(
  response: Dispatcher.ResponseData,
  bytesMax: number,
): Promise<{ body: string; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  // Leaving the loop early destroys the stream, and with it the connection.
  for await (const chunk of response.body) {
    const bytes: Uint8Array = chunk;
    chunks.push(bytes.subarray(0, bytesMax - sizeBytes));
    sizeBytes += bytes.length;
    if (sizeBytes > bytesMax) break;
  }
  return { body: Buffer.concat(chunks).toString("utf8"), isWhole: sizeBytes <= bytesMax };
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
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
