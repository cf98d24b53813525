import { joinDeltas } from "./coalesce.ts";
import { createGap, type Gap } from "./gap.ts";
import type { Policy } from "./policy.ts";
import type { Ring } from "./ring.ts";

/**
 * One reader of a stream, with its own place in it. Leaving a `for await` loop, however, closes it.
 *
 * Iterating twice does not read twice: whoever asks first gets the next event. A subscriber that is closed
 * ends at once, whatever it has not read; one whose stream is closed reads to the end first.
 */
export interface Subscription<Item> extends AsyncIterable<Item | Gap> {
  /** Of the event last handed out, or the last one in the gap; where to go on after a break is one more. */
  readonly seq: number;
  [Symbol.asyncIterator](): AsyncIterableIterator<Item | Gap, undefined>;
  /** All there is to read at once, never empty: several times cheaper where events come fast. */
  batches(): AsyncIterableIterator<readonly (Item | Gap)[], undefined>;
  /** Holds nobody up from now on. Who waits for an event is told that there are no more. Idempotent. */
  close(): void;
}

/** What a subscriber sees of its stream, and tells it. */
export interface Source<Item> {
  readonly ring: Ring<Item>;
  readonly isClosed: boolean;
  readonly policy: Policy;
  nowMs(): number;
  /** The subscriber that had read up to `before` has read on. */
  onRead(before: number): void;
  onLeave(subscriber: Subscriber<Item>): void;
}

type Result<Value> = IteratorResult<Value, undefined>;

const DONE: Result<never> = { value: undefined, done: true };

/** The subscription as the stream has it. It parks at most what is asked of it ahead of the events. */
export class Subscriber<Item> implements Subscription<Item>, AsyncIterableIterator<Item | Gap, undefined> {
  readonly #source: Source<Item>;
  readonly #ring: Ring<Item>;
  /**
   * Those who asked for an event that is not there yet, in order. Each takes what it wants when it is
   * called.
   */
  readonly #parked: (() => void)[] = [];
  #seq: number;
  #isClosed = false;

  constructor(source: Source<Item>, seq: number) {
    this.#source = source;
    this.#ring = source.ring;
    this.#seq = seq;
  }

  get seq(): number {
    return this.#seq;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<Item | Gap>> {
    if (this.#parked.length > 0 || this.#mustWait()) {
      return new Promise((resolve) => this.#parked.push(() => resolve(this.#result())));
    }
    return Promise.resolve(this.#result());
  }

  return(): Promise<Result<never>> {
    this.close();
    return Promise.resolve(DONE);
  }

  batches(): AsyncIterableIterator<readonly (Item | Gap)[], undefined> {
    return new Batches(this);
  }

  /** The next batch; several asked for at once are served in order. */
  nextBatch(): Promise<Result<readonly (Item | Gap)[]>> {
    if (this.#parked.length > 0 || this.#mustWait()) {
      // Collected a moment after it is woken: what is sent in the same turn comes in the same batch.
      return new Promise<void>((resolve) => this.#parked.push(resolve)).then(() => this.nextBatch());
    }
    if (!this.#hasMore) return Promise.resolve(DONE);
    return Promise.resolve({ value: this.#takeAll(), done: false });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#source.onLeave(this);
    this.wake();
  }

  /**
   * Something was sent, or this or the stream was closed: serves those who are parked, as far as it goes.
   */
  wake(): void {
    while (this.#parked.length > 0 && !this.#mustWait()) this.#parked.shift()?.();
  }

  get #hasMore(): boolean {
    return this.#seq < this.#ring.last && !this.#isClosed;
  }

  #mustWait(): boolean {
    return this.#seq === this.#ring.last && !this.#isClosed && !this.#source.isClosed;
  }

  #result(): Result<Item | Gap> {
    return this.#hasMore ? { value: this.#take(), done: false } : DONE;
  }

  #take(): Item | Gap {
    const before = this.#seq;
    const value = this.#read();
    this.#source.onRead(before);
    return value;
  }

  #takeAll(): (Item | Gap)[] {
    const before = this.#seq;
    const values: (Item | Gap)[] = [];
    while (this.#seq < this.#ring.last) values.push(this.#read());
    this.#source.onRead(before);
    return values;
  }

  /** What comes next, and moves on. There must be something. */
  #read(): Item | Gap {
    const next = this.#seq + 1;
    if (next < this.#ring.first) {
      this.#seq = this.#ring.first - 1;
      return createGap(next, this.#seq, this.#source.nowMs());
    }
    if (this.#source.policy !== "coalesce") {
      this.#seq = next;
      return this.#ring.at(next);
    }
    const { item, seq } = joinDeltas(this.#ring, next);
    this.#seq = seq;
    return item;
  }
}

class Batches<Item> implements AsyncIterableIterator<readonly (Item | Gap)[], undefined> {
  readonly #subscriber: Subscriber<Item>;

  constructor(subscriber: Subscriber<Item>) {
    this.#subscriber = subscriber;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<readonly (Item | Gap)[]>> {
    return this.#subscriber.nextBatch();
  }

  return(): Promise<Result<never>> {
    return this.#subscriber.return();
  }
}
