import { encodeStreamEvent } from "../../event/dialects/stream/codec.ts";
import { errorEvent } from "../../event/dialects/stream/stream-event.ts";

/**
 * The text of server-sent events (HTML, "Server-sent events") that a stream becomes:
 *
 *     retry: 1000                             once, first
 *
 *     event: TextDelta                        an item: its type,
 *     id: 7                                   its seq,
 *     data: {"type":"TextDelta",…}            itself as JSON
 *
 *     event: Gap                              items that this reader lost; `id` is the last of them
 *     id: 12
 *     data: {"type":"Gap","data":{"dropped":5,"from":8,"to":12},…}
 *
 *     :                                       a heartbeat
 *
 *     event: StreamEnd                        once, last, when the stream is over: nothing more will come
 *     id: 12
 *     data: {"seq":12}
 *
 * Nothing that is sent can break out of its line: the data is JSON, in which every line end is escaped and a
 * lone surrogate too, and a type that would not survive as the name of an event is left off; it stands in
 * the data.
 */
export function sseEvent(item: unknown, seq: number): string {
  // An item that JSON cannot write still has its place in the stream: an Error stands there.
  return (
    textOf(item, seq) ??
    textOf(errorEvent(`Item ${seq} of this stream cannot be written as JSON.`), seq) ??
    ""
  );
}

/** The name of the event that ends a stream. A page closes its EventSource on it. */
export const SSE_END = "StreamEnd";

/** A comment: readers skip it, and whatever stands between sees that the connection lives. */
export const SSE_HEARTBEAT = ":\n\n";

export function sseRetry(retryMs: number): string {
  return `retry: ${Math.max(0, Math.trunc(retryMs))}\n\n`;
}

export function sseEnd(seq: number): string {
  return `event: ${SSE_END}\nid: ${seq}\ndata: {"seq":${seq}}\n\n`;
}

/**
 * The seq that an EventSource has seen last, from the header or parameter it came in; undefined when it is
 * none. Of a header that came twice, the last counts.
 */
export function seqOf(lastEventId: LastEventId): number | undefined {
  const text = Array.isArray(lastEventId) ? lastEventId.at(-1) : lastEventId;
  if (typeof text !== "string" || !/^\d{1,16}$/.test(text)) return undefined;
  const seq = Number(text);
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/** As `headers.get("last-event-id")` or Node's `request.headers["last-event-id"]` give it. */
export type LastEventId = string | readonly string[] | null | undefined;

/**
 * `open` and `error` are an EventSource's own: a page that listens to them would take ours for a lost
 * connection.
 */
const RESERVED = new Set(["open", "error", SSE_END]);

function textOf(item: unknown, seq: number): string | undefined {
  try {
    const json: string | undefined = isObject(item) ? encodeStreamEvent(item) : JSON.stringify(item);
    return json === undefined ? undefined : `${nameLine(item)}id: ${seq}\ndata: ${json}\n\n`;
  } catch {
    // Circular, a BigInt, a getter that throws: what an application may put into a stream of its own.
    return undefined;
  }
}

function nameLine(item: unknown): string {
  const type = isObject(item) && "type" in item ? item.type : undefined;
  if (typeof type !== "string" || type === "" || RESERVED.has(type)) return "";
  return /[\r\n]/.test(type) || !type.isWellFormed() ? "" : `event: ${type}\n`;
}

function isObject(item: unknown): item is object {
  return typeof item === "object" && item !== null;
}
