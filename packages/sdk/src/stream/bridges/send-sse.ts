import type { EventStream } from "../event-stream.ts";
import { handled } from "./pump.ts";
import { hasSeenAll, openSseFeed, SSE_HEADERS, type SseOptions } from "./sse-feed.ts";

/** What is needed of a `ServerResponse` of `node:http`, `node:http2` or Express. */
export interface SseServerResponse {
  readonly destroyed: boolean;
  readonly headersSent: boolean;
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  write(text: string): boolean;
  end(): unknown;
  on(event: "drain" | "close" | "error", listener: () => void): unknown;
  off(event: "drain" | "close" | "error", listener: () => void): unknown;
}

/**
 * `toSseResponse` for a server of Node's own: sends a stream as server-sent events and ends the response.
 *
 *     sendSse(stream, response, { lastEventId: request.headers["last-event-id"] })
 *
 * Takes from the stream what the connection takes, so a slow reader is as slow for the stream. Resolves when
 * the response has ended, be it that the stream is over, that the reader has left, or that the signal was
 * aborted; then nothing of it is left. Nobody has to await it.
 */
export function sendSse<Item>(
  stream: EventStream<Item>,
  response: SseServerResponse,
  options: SseOptions = {},
): Promise<void> {
  return handled(send(stream, response, options));
}

async function send<Item>(
  stream: EventStream<Item>,
  response: SseServerResponse,
  options: SseOptions,
): Promise<void> {
  const { lastEventId, headers = {} } = options;
  // A connection that breaks says so twice; "close" is the one that is acted upon.
  response.on("error", ignore);
  if (hasSeenAll(stream, lastEventId)) {
    response.writeHead(204, headers);
    response.end();
    return;
  }
  const feed = openSseFeed(stream, options);
  response.on("close", feed.close);
  try {
    if (!response.headersSent) response.writeHead(200, { ...SSE_HEADERS, ...headers });
    for (let text = await feed.next(); text !== undefined; text = await feed.next()) {
      if (response.destroyed) break;
      if (!response.write(text)) await room(response);
    }
  } finally {
    feed.close();
    response.off("close", feed.close);
    if (!response.destroyed) response.end();
  }
}

/** Waits until the connection has taken what was written, or is gone. */
function room(response: SseServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function ignore(): void {}
