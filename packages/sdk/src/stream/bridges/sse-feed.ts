import { type Clock, systemClock } from "../../system/clock.ts";
import type { Joined } from "../coalesce.ts";
import type { EventStream } from "../event-stream.ts";
import type { Gap } from "../gap.ts";
import type { Subscription } from "../subscription.ts";
import { type LastEventId, SSE_HEARTBEAT, seqOf, sseEnd, sseEvent, sseRetry } from "./sse-text.ts";

/** How a stream is sent as server-sent events. */
export interface SseOptions {
  /**
   * What the reader has seen last: the header `Last-Event-ID`, which an EventSource sends when it connects
   * again. The rest follows, exactly; what the stream has forgotten meanwhile is a Gap. Without it, or with
   * one that this stream has never given, the reader gets everything the stream still has.
   */
  readonly lastEventId?: LastEventId;
  /** Aborting it ends the response; an EventSource will then come back. */
  readonly signal?: AbortSignal;
  /** How many milliseconds an EventSource waits before it connects again. Default: 1 s. */
  readonly retryMs?: number;
  /** After how many milliseconds of silence the response says that it lives; 0: never. Default: 15 s. */
  readonly heartbeatMs?: number;
  /** Further headers, or others: `access-control-allow-origin`, for one. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The machine's own, unless a test says otherwise. */
  readonly clock?: Clock;
}

/** A reader that lost its connection misses the next words; the browsers' own 3 to 5 s are long for that. */
const RETRY_MS = 1_000;
/** Whatever stands in between, most often cuts a connection that was silent for 30 or 60 s. */
const HEARTBEAT_MS = 15_000;

/** Neither stored nor gathered on the way: a token that waits in a proxy's buffer is late. */
export const SSE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/**
 * An EventSource that is cut off comes back, whatever the reason, unless it gets a 204. So one that has seen
 * the last item of a closed stream gets that.
 */
export function hasSeenAll(stream: EventStream<unknown>, lastEventId: LastEventId): boolean {
  return stream.isClosed && seqOf(lastEventId) === stream.seq;
}

/** The text of one response, piece by piece. */
export interface SseFeed {
  /**
   * Waits for something to say: all that has come meanwhile, or a heartbeat. Undefined at the end. One call
   * at a time; when nobody calls, nothing is taken from the stream.
   */
  next(): Promise<string | undefined>;
  /** Leaves the stream. A `next` that waits resolves with undefined. Idempotent. */
  close(): void;
}

export function openSseFeed<Item>(stream: EventStream<Item>, options: SseOptions): SseFeed {
  return new Feed(stream, options);
}

class Feed<Item> implements SseFeed {
  readonly #stream: EventStream<Item>;
  readonly #options: SseOptions;
  readonly #clock: Clock;
  #reading: { readonly subscription: Subscription<Item>; readonly batches: Batches<Item> } | undefined;
  /** A batch that was asked for and has not come; a heartbeat does not give it up. */
  #coming: Promise<IteratorResult<Batch<Item>>> | undefined;
  /** Of the last event that was handed out as text; the subscription may be a batch ahead of it. */
  #seq = 0;
  #state: "new" | "open" | "closed" = "new";

  constructor(stream: EventStream<Item>, options: SseOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    options.signal?.addEventListener("abort", this.close, { once: true });
    if (options.signal?.aborted) this.close();
  }

  async next(): Promise<string | undefined> {
    if (this.#state === "closed") return undefined;
    if (this.#state === "open") return this.#nextText();
    this.#state = "open";
    return sseRetry(this.#options.retryMs ?? RETRY_MS);
  }

  readonly close = (): void => {
    this.#state = "closed";
    this.#options.signal?.removeEventListener("abort", this.close);
    this.#reading?.subscription.close();
  };

  async #nextText(): Promise<string | undefined> {
    // Not before somebody reads: a response that is thrown away unread must not hold up the stream.
    this.#reading ??= this.#subscribe();
    const { subscription, batches } = this.#reading;
    this.#coming ??= batches.next();
    const batch = await this.#orHeartbeat(this.#coming);
    if (this.#isLeft()) return undefined;
    if (batch === undefined) return SSE_HEARTBEAT;
    this.#coming = undefined;
    const before = this.#seq;
    this.#seq = subscription.seq;
    if (batch.done !== true) return textOf(batch.value, before, this.#seq);
    this.close();
    return sseEnd(this.#seq);
  }

  #subscribe() {
    const seen = seqOf(this.#options.lastEventId);
    const isOurs = seen !== undefined && seen <= this.#stream.seq;
    const subscription = this.#stream.subscribe({ from: isOurs ? seen + 1 : "oldest" });
    this.#seq = subscription.seq;
    return { subscription, batches: subscription.batches() };
  }

  /** The state may have changed during an await, which the compiler does not see. */
  #isLeft(): boolean {
    return this.#state === "closed";
  }

  /** Undefined when nothing came in time. */
  #orHeartbeat<Result>(coming: Promise<Result>): Promise<Result | undefined> {
    const { heartbeatMs = HEARTBEAT_MS } = this.#options;
    if (!(heartbeatMs > 0)) return coming;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(heartbeatMs, () => resolve(undefined));
      coming.finally(() => timer.cancel()).then(resolve, reject);
    });
  }
}

type Batch<Item> = readonly (Item | Gap)[];
type Batches<Item> = AsyncIterator<Batch<Item>>;

/** The events after the seq `before`, of which the last one is `last`. */
function textOf(batch: readonly unknown[], before: number, last: number): string {
  const isOneEach = batch.length === last - before;
  let text = "";
  let seq = before;
  for (const item of batch) {
    seq = isOneEach ? seq + 1 : seqAfter(seq, item);
    text += sseEvent(item, seq);
  }
  return text;
}

/**
 * A gap stands for several seqs, and so does what `coalesce` has joined: it carries the first and the last.
 */
function seqAfter(before: number, item: unknown): number {
  const { type, data, fromSeq, seq } = Object(item) as Partial<Gap & Joined>;
  if (type === "Gap" && data?.from === before + 1) return data.to;
  return fromSeq === before + 1 && seq !== undefined ? seq : before + 1;
}
