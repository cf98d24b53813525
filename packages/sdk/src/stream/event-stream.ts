import type { StreamEvent } from "../event/dialects/stream/stream-event.ts";
import { createIds } from "../event/ids.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { nextTurn } from "../system/next-turn.ts";
import { systemRandom } from "../system/random.ts";
import { TurnClock } from "../system/turn-clock.ts";
import { StreamError } from "./errors.ts";
import type { Gap } from "./gap.ts";
import { sizeOf } from "./item-size.ts";
import { type Policy, type PolicyName, policyOf } from "./policy.ts";
import { Ring } from "./ring.ts";
import { rejected, Senders, type SendOptions, sendAborted } from "./senders.ts";
import { type Source, Subscriber, type Subscription } from "./subscription.ts";

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
  /** Of estimated size: 128 per event, and the strings in its `data`. Default: 1 MiB. */
  readonly maxBytes?: number;
  /** Default: `block`. */
  readonly policy?: PolicyName;
  /** The machine's own, unless a test says otherwise. */
  readonly clock?: Clock;
}

const CAPACITY = 100;
const MAX_BYTES = 1024 * 1024;
/**
 * Who has more on one stream does not await them; then they are refused, because memory would have no end.
 */
const SENDERS_MAX = 10_000;

const ids = createIds(systemClock, systemRandom);
const SENT = Promise.resolve();
const NO_OPTIONS: SendOptions = {};

/** An open stream without events and subscribers. Throws for an option that makes no sense. */
export function createEventStream<Item = StreamEvent>(options: EventStreamOptions = {}): EventStream<Item> {
  return new RingStream(options);
}

class RingStream<Item> implements EventStream<Item>, Source<Item> {
  readonly id: string;
  readonly capacity: number;
  readonly ring = new Ring<Item>();
  readonly #maxBytes: number;
  readonly #clock: Clock;
  readonly #time: TurnClock;
  readonly #senders: Senders<Item>;
  readonly #subscribers: Subscriber<Item>[] = [];
  #policy: Policy;
  /** The lowest cursor when it was last looked for: never above the true one. */
  #floor = 0;
  #isFirstSubscriberDue = true;
  #isAdmissionDue = false;
  #isClosed = false;
  #dropped = 0;
  #activeAtMs: number;

  constructor(options: EventStreamOptions) {
    const { id = ids.uuidv7(), capacity = CAPACITY, maxBytes = MAX_BYTES, policy = "block" } = options;
    const { clock = systemClock } = options;
    this.id = id;
    this.capacity = wholeNumber("capacity", capacity);
    this.#maxBytes = wholeNumber("maxBytes", maxBytes);
    this.#policy = policyOf(policy);
    this.#clock = clock;
    this.#time = TurnClock.of(clock);
    this.#activeAtMs = this.#time.monotonicMs;
    this.#senders = new Senders(id, clock);
  }

  get length(): number {
    return this.ring.last - Math.max(this.#lowestCursor(), this.ring.first - 1);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get seq(): number {
    return this.ring.last;
  }

  get subscribers(): number {
    return this.#subscribers.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get idleMs(): number {
    return this.#clock.monotonicMs() - this.#activeAtMs;
  }

  get isAwaited(): boolean {
    return this.#senders.count > 0 || this.#subscribers.some((subscriber) => subscriber.isParked);
  }

  get policy(): Policy {
    return this.#policy;
  }

  set policy(name: PolicyName) {
    this.#policy = policyOf(name);
    this.#admit();
    if (this.#policy !== "drop-newest") return;
    this.#dropped += this.#senders.count;
    this.#senders.refuse(() => this.#full());
  }

  send(item: Item, options: SendOptions = NO_OPTIONS): Promise<void> {
    if (!isEvent(item)) return rejected(this.#invalid(item));
    if (this.#isClosed) return rejected(this.#closed());
    if (options.signal?.aborted) return rejected(sendAborted(this.id, options.signal.reason));
    if (this.trySend(item)) return SENT;
    if (this.#policy === "drop-newest" || this.#senders.count === SENDERS_MAX) return rejected(this.#full());
    return this.#senders.wait(item, options);
  }

  trySend(item: Item): boolean {
    if (!isEvent(item)) throw this.#invalid(item);
    if (this.#isClosed || this.#senders.count > 0) return false;
    if (this.#accept(item)) return true;
    if (this.#policy === "drop-newest") this.#dropped++;
    return false;
  }

  subscribe({ from }: SubscribeOptions = {}): Subscription<Item> {
    return this.#subscribe(from);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Item | Gap, undefined> {
    return this.#subscribe(undefined);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#senders.refuse(() => this.#closed());
    for (const subscriber of this.#subscribers) subscriber.wake();
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  onRead(before: number): void {
    this.#activeAtMs = this.#time.monotonicMs;
    // Only the slowest makes room, and only who waits cares.
    if (this.#senders.count === 0 || before > this.#floor) return;
    this.#floor = this.#lowestCursor();
    if (this.ring.last - this.#floor <= this.capacity >> 1) this.#admit();
    else this.#admitNextTurn();
  }

  onLeave(subscriber: Subscriber<Item>): void {
    this.#subscribers.splice(this.#subscribers.indexOf(subscriber), 1);
    this.#admit();
  }

  #subscribe(from: number | "oldest" | "newest" | undefined): Subscriber<Item> {
    const start = from ?? (this.#isFirstSubscriberDue ? "oldest" : "newest");
    const subscriber = new Subscriber(this, this.#cursorOf(start));
    this.#isFirstSubscriberDue = false;
    this.#subscribers.push(subscriber);
    this.#floor = this.#lowestCursor();
    this.#admit();
    return subscriber;
  }

  #cursorOf(from: number | "oldest" | "newest"): number {
    if (from === "oldest") return 0;
    if (from === "newest") return this.ring.last;
    if (Number.isSafeInteger(from)) return Math.min(Math.max(from - 1, 0), this.ring.last);
    throw new RangeError(`subscribe: from is ${from}. Give a seq, "oldest" or "newest".`);
  }

  #accept(item: Item & object): boolean {
    const sizeBytes = sizeOf(item);
    if (!this.#makeRoom(sizeBytes)) return false;
    this.ring.push(item, sizeBytes);
    this.#activeAtMs = this.#time.monotonicMs;
    for (const subscriber of this.#subscribers) subscriber.wake();
    return true;
  }

  #makeRoom(sizeBytes: number): boolean {
    const { ring } = this;
    while (ring.length > 0) {
      const hasSize = ring.sizeBytes + sizeBytes <= this.#maxBytes;
      if (hasSize && ring.length < this.capacity) return true;
      if (!this.#isReadByAll(ring.first)) {
        if (hasSize && this.#policy === "coalesce") return true;
        if (this.#policy === "block" || this.#policy === "drop-newest") return false;
        this.#dropped += this.#owed(ring.first);
      }
      ring.evict();
    }
    return true;
  }

  #isReadByAll(seq: number): boolean {
    if (seq > this.#floor) this.#floor = this.#lowestCursor();
    return seq <= this.#floor;
  }

  #lowestCursor(): number {
    let lowest = this.#isFirstSubscriberDue ? 0 : this.ring.last;
    for (const { seq } of this.#subscribers) if (seq < lowest) lowest = seq;
    return lowest;
  }

  /** How many have not read it. */
  #owed(seq: number): number {
    if (this.#isFirstSubscriberDue) return 1;
    let owed = 0;
    for (const subscriber of this.#subscribers) if (subscriber.seq < seq) owed++;
    return owed;
  }

  /** As many of those who wait as there is room for. */
  #admit(): void {
    if (this.#senders.count > 0) this.#senders.admit((item) => isEvent(item) && this.#accept(item));
  }

  #admitNextTurn(): void {
    if (this.#isAdmissionDue) return;
    this.#isAdmissionDue = true;
    nextTurn(() => {
      this.#isAdmissionDue = false;
      this.#admit();
    });
  }

  #closed(): StreamError {
    const message = `Stream "${this.id}" is closed, and nothing was sent. Look at isClosed before you send.`;
    return new StreamError({ streamId: this.id, operation: "send", code: "closed", message });
  }

  #full(): StreamError {
    const message =
      `Stream "${this.id}" is full: ${this.length} of ${this.capacity} events and ${this.ring.sizeBytes} of ` +
      `${this.#maxBytes} bytes wait to be read, and this one was not sent. ` +
      "Read faster, raise capacity, or choose a policy that waits or drops the oldest.";
    return new StreamError({ streamId: this.id, operation: "send", code: "full", message });
  }

  #invalid(item: unknown): StreamError {
    const message = `Stream "${this.id}": ${nameOf(item)} is not an event. Send an object, as textDeltaEvent("…") makes.`;
    return new StreamError({ streamId: this.id, operation: "send", code: "invalid", message });
  }
}

function isEvent<Item>(item: Item): item is Item & object {
  return typeof item === "object" && item !== null;
}

function nameOf(item: unknown): string {
  if (typeof item === "string") return `a string of ${item.length} characters`;
  if (typeof item === "function") return "a function";
  return String(item);
}

function wholeNumber(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`createEventStream: ${name} is ${value}. Give a whole number from 1.`);
}
