import type { EventStream } from "../event-stream.ts";
import { hasSeenAll, openSseFeed, SSE_HEADERS, type SseOptions } from "./sse-feed.ts";

/**
 * A stream as a response of server-sent events, for everything that speaks Fetch: Hono, Next.js, Deno, Bun.
 * Each item is an event named by its type, with its seq as `id` and itself as JSON; a loss is a `Gap`. The
 * forms are in `sse-text.ts`.
 *
 *     toSseResponse(stream, { lastEventId: request.headers.get("last-event-id"), signal: request.signal })
 *
 * An EventSource comes back whenever a response ends. So when the stream is over, the last event is
 * `StreamEnd`, on which a page closes its EventSource; one that does not, and comes back with the id of that
 * event, gets a 204, on which every EventSource gives up.
 *
 * An item is taken from the stream when the body is read that far, so a slow reader is as slow for the
 * stream. The reader's leaving (the body is cancelled) and `signal` end the subscription.
 */
export function toSseResponse<Item>(stream: EventStream<Item>, options: SseOptions = {}): Response {
  const { lastEventId, headers = {} } = options;
  if (hasSeenAll(stream, lastEventId)) return new Response(null, { status: 204, headers });
  return new Response(bodyOf(stream, options), { headers: { ...SSE_HEADERS, ...headers } });
}

function bodyOf<Item>(stream: EventStream<Item>, options: SseOptions): ReadableStream<Uint8Array> {
  const feed = openSseFeed(stream, options);
  const encoder = new TextEncoder();
  let isCancelled = false;
  return new ReadableStream(
    {
      async pull(controller) {
        const text = await feed.next();
        if (isCancelled) return;
        if (text === undefined) controller.close();
        else controller.enqueue(encoder.encode(text));
      },
      cancel() {
        isCancelled = true;
        feed.close();
      },
    },
    { highWaterMark: 0 },
  );
}
