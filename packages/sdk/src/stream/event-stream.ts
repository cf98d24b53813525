import type { StreamEvent } from "../event/dialects/stream/stream-event.ts";
import type { Clock } from "../system/clock.ts";
import type { Gap } from "./gap.ts";
import type { Policy, PolicyName } from "./policy.ts";
import { RingStream } from "./ring-stream.ts";
import type { SendOptions } from "./senders.ts";
import type { Subscription } from "./subscription.ts";

/**
 * Events in order, from one or more senders to every subscriber.
 *
 * There is one ring per stream. Each event that is accepted gets the next seq, 1, 2, 3 …, and stays in the
 * ring until its place is needed: read by all or not, so that a subscriber can come back and go on where it
 * was. Each subscriber has a cursor, the seq it has read. The *floor* is the lowest cursor: what is above it
 * is owed to somebody. Before the first subscriber everything is owed, to that one; after the last has left,
 * nothing is.
 *
 * **Room.** The ring holds `capacity` events and `maxBytes` of estimated size; one larger event is held
 * alone. If a new event does not fit, the oldest goes, if the floor has passed it. If it has not, the policy
 * decides: `block` and `drop-newest` have no room, `drop-oldest` and `coalesce` let the oldest go
 * (`coalesce` only for size). A subscriber whose next event has gone gets one gap marker in its place, and
 * reads on.
 *
 * **Who waits for whom.** A subscriber that has read everything parks; the next event wakes it, once. A
 * sender under `block` parks when there is no room, behind those who came before. It is woken when the floor
 * has left half of the ring free, so that sender and subscriber take turns in hundreds, not in single
 * events; or, if the subscribers stop reading before that, in the next turn of the event loop, so that no
 * room is ever withheld for long.
 *
 * **States.** Open, then closed, for good. Closing refuses all who wait to send, and all who send later,
 * with `closed`; subscribers read what is in the ring, and end. Subscribing still works and does the same.
 *
 * Nothing here keeps the process alive, and nothing here is thrown at the application but the two bugs that
 * it should hear of at once: an option that makes no sense, and `trySend` of something that is no event.
 */
export interface EventStream<Item = StreamEvent> extends AsyncIterable<Item | Gap> {
  readonly id: string;
  /** In events. */
  readonly capacity: number;
  /** Events that the slowest subscriber has still to read; before the first one, all that it will find. */
  readonly length: number;
  readonly isClosed: boolean;
  /** Of the newest event; 0 before the first. */
  readonly seq: number;
  readonly subscribers: number;
  /**
   * Events that were refused under `drop-newest`, and events that were overwritten before they were read,
   * once for each subscriber that they were owed to.
   */
  readonly dropped: number;
  /** Milliseconds since an event was last accepted or handed out, or the stream was made. */
  readonly idleMs: number;
  /** Somebody waits at this moment: a subscriber for the next event, or a sender for room. */
  readonly isAwaited: boolean;
  /**
   * May change at any time. Whoever waits to send at that moment is treated as if it had just called: sent
   * at once under `drop-oldest` and `coalesce`; under `drop-newest` sent as far as there is room, the rest
   * refused with `full` and counted.
   */
  get policy(): Policy;
  set policy(name: PolicyName);
  /**
   * Resolves when the event is in the ring. Waits under `block` only. Rejects with a `StreamError`:
   * `invalid`, `closed`, `full`, `aborted` or `timeout`; a rejection that nobody looks at is no unhandled
   * one. Events arrive in the order of the calls.
   */
  send(item: Item, options?: SendOptions): Promise<void>;
  /**
   * Never waits. False: not accepted, because there is no room, others wait for it, or the stream is closed.
   */
  trySend(item: Item): boolean;
  /**
   * A subscriber of its own, who is sent everything from its start on, `from` inclusive. "oldest" is seq 1,
   * "newest" what is sent from now on; a seq that was not sent yet is "newest". Where the ring no longer has
   * the first of them, a gap marker comes first. Default: "oldest" for the first subscriber, "newest" for
   * all others. Under `block` senders wait for it from now on, also if it never reads: close it.
   */
  subscribe(options?: SubscribeOptions): Subscription<Item>;
  /** Subscribes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Item | Gap, undefined>;
  /** No more events. Returns at once; idempotent. */
  close(): void;
}

/** Where a subscriber begins. */
export interface SubscribeOptions {
  /** A seq, inclusive; see `EventStream.subscribe`. */
  readonly from?: number | "oldest" | "newest";
}

/** What a stream is made with; every option has a default. */
export interface EventStreamOptions {
  /** Stands in every error. Default: a new UUID. */
  readonly id?: string;
  /** In events, a whole number from 1. Default: 100. */
  readonly capacity?: number;
  /** Of estimated size: 128 per event, and the text in its `data`. Default: 1 MiB. */
  readonly maxBytes?: number;
  /** Default: `block`. */
  readonly policy?: PolicyName;
  /** The machine's own, unless a test says otherwise. */
  readonly clock?: Clock;
}

/** A stream that is open. Throws a RangeError if an option makes no sense. */
export function createEventStream<Item = StreamEvent>(options: EventStreamOptions = {}): EventStream<Item> {
  return new RingStream(options);
}
