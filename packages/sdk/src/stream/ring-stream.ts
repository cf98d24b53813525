import { createIds } from "../event/ids.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { nextTurn } from "../system/next-turn.ts";
import { systemRandom } from "../system/random.ts";
import { TurnClock } from "../system/turn-clock.ts";
import { Cursor, type Reading } from "./cursor.ts";
import type { EventStream, EventStreamOptions, SubscribeOptions } from "./event-stream.ts";
import type { Gap } from "./gap.ts";
import { sizeOf } from "./item-size.ts";
import { type Policy, type PolicyName, policyOf } from "./policy.ts";
import { notAnEvent, sendAborted, streamClosed, streamFull } from "./refusals.ts";
import { Ring } from "./ring.ts";
import { Room } from "./room.ts";
import { rejected, Senders, type SendOptions } from "./senders.ts";
import { type Source, Subscriber, type Subscription } from "./subscription.ts";

const CAPACITY = 100;
const MAX_BYTES = 1024 * 1024;
/** Who has more on one stream does not await them; they are refused then, because memory has an end. */
const SENDERS_MAX = 10_000;

const ids = createIds(systemClock, systemRandom);
const SENT = Promise.resolve();
const NO_OPTIONS: SendOptions = {};

/** The stream of `event-stream.ts`, whose head tells how it works. */
export class RingStream<Item> implements EventStream<Item>, Source<Item>, Reading {
  readonly id: string;
  readonly capacity: number;
  readonly #ring: Ring<Item>;
  readonly #room: Room<Item>;
  readonly #senders: Senders<Item & object>;
  #subscribers: Subscriber<Item>[] = [];
  readonly #clock: Clock;
  readonly #time: TurnClock;
  #activeAtMs: number;
  #refused = 0;
  #isClosed = false;
  /** A subscriber waits for an event. */
  #hasParked = false;
  #isAdmissionDue = false;

  constructor(options: EventStreamOptions) {
    const { id = ids.uuidv7(), capacity = CAPACITY, maxBytes = MAX_BYTES, policy = "block" } = options;
    const { clock = systemClock } = options;
    this.id = id;
    this.capacity = wholeNumber("capacity", capacity);
    this.#ring = new Ring(wholeNumber("maxBytes", maxBytes));
    this.#room = new Room(this.#ring, capacity, policyOf(policy));
    this.#senders = new Senders(id, clock);
    this.#clock = clock;
    this.#time = TurnClock.of(clock);
    this.#activeAtMs = this.#time.monotonicMs;
  }

  get length(): number {
    return this.#room.unread;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get seq(): number {
    return this.#ring.last;
  }

  get subscribers(): number {
    return this.#subscribers.length;
  }

  get dropped(): number {
    return this.#refused + this.#room.dropped;
  }

  get idleMs(): number {
    return Math.max(0, this.#clock.monotonicMs() - this.#activeAtMs);
  }

  get isAwaited(): boolean {
    return this.#senders.count > 0 || this.#subscribers.some((subscriber) => subscriber.isParked);
  }

  get policy(): Policy {
    return this.#room.policy;
  }

  set policy(name: PolicyName) {
    this.#room.policy = policyOf(name);
    this.#admit();
    if (this.#room.policy !== "drop-newest") return;
    this.#refused += this.#senders.count;
    this.#senders.refuse(() => this.#full());
  }

  send(item: Item, options: SendOptions = NO_OPTIONS): Promise<void> {
    if (!isEvent(item)) return rejected(notAnEvent(this.id, item));
    if (this.#isClosed) return rejected(streamClosed(this.id));
    if (options.signal?.aborted) return rejected(sendAborted(this.id, options.signal.reason));
    if (this.trySend(item)) return SENT;
    if (this.#room.policy === "drop-newest") return rejected(this.#full());
    if (this.#senders.count < SENDERS_MAX) return this.#senders.wait(item, options);
    this.#refused++;
    return rejected(this.#full());
  }

  trySend(item: Item): boolean {
    if (!isEvent(item)) throw notAnEvent(this.id, item);
    if (this.#isClosed || this.#senders.count > 0) return false;
    if (this.#accept(item)) return true;
    if (this.#room.policy === "drop-newest") this.#refused++;
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
    this.#senders.refuse(() => streamClosed(this.id));
    this.#wakeSubscribers();
  }

  get isJoining(): boolean {
    return this.#room.policy === "coalesce";
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  onPark(): void {
    this.#hasParked = true;
  }

  onRead(seq: number): void {
    this.#activeAtMs = this.#time.monotonicMs;
    if (this.#senders.count > 0) this.#onRoom(seq);
  }

  onLeave(subscriber: Subscriber<Item>): void {
    // A new list: the last one may be in the middle of being woken.
    this.#subscribers = this.#subscribers.filter((other) => other !== subscriber);
    this.#room.remove(subscriber.cursor);
    this.#admit();
  }

  #subscribe(from: number | "oldest" | "newest" | undefined): Subscriber<Item> {
    const start = from ?? (this.#room.isFirstDue ? "oldest" : "newest");
    const cursor = new Cursor(this, this.#ring, seqBefore(start, this.#ring.last));
    const subscriber = new Subscriber(this, cursor);
    this.#subscribers.push(subscriber);
    this.#room.add(cursor);
    this.#admit();
    return subscriber;
  }

  #accept(item: Item & object): boolean {
    const sizeBytes = sizeOf(item);
    if (!this.#room.make(sizeBytes)) return false;
    this.#ring.push(item, sizeBytes);
    this.#activeAtMs = this.#time.monotonicMs;
    if (this.#hasParked) this.#wakeSubscribers();
    return true;
  }

  #wakeSubscribers(): void {
    this.#hasParked = false;
    for (const subscriber of this.#subscribers) subscriber.wake();
  }

  /** As many of those who wait as there is room for. */
  #admit(): void {
    if (this.#senders.count > 0) this.#senders.admit((item) => this.#accept(item));
  }

  /** A subscriber has read up to `seq`. The others matter only when this one alone has left half free. */
  #onRoom(seq: number): void {
    const unreadMax = this.capacity >> 1;
    if (this.#ring.last - seq > unreadMax || this.#room.unread > unreadMax) this.#admitNextTurn();
    else this.#admit();
  }

  #admitNextTurn(): void {
    if (this.#isAdmissionDue) return;
    this.#isAdmissionDue = true;
    nextTurn(() => {
      this.#isAdmissionDue = false;
      this.#admit();
    });
  }

  #full() {
    return streamFull(this.id, this.length, this.capacity);
  }
}

/** Any object is one: what is in it is between sender and subscribers. */
function isEvent<Item>(item: Item): item is Item & object {
  return typeof item === "object" && item !== null;
}

/** Where a cursor stands that reads `from` next. */
function seqBefore(from: number | "oldest" | "newest", newest: number): number {
  if (from === "oldest") return 0;
  if (from === "newest") return newest;
  if (Number.isSafeInteger(from)) return Math.min(Math.max(from - 1, 0), newest);
  throw new RangeError(`subscribe: from is ${String(from)}. Give a seq, "oldest" or "newest".`);
}

function wholeNumber(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`createEventStream: ${name} is ${String(value)}. Give a whole number from 1.`);
}
