import type { Cursor } from "./cursor.ts";
import type { Gap } from "./gap.ts";

/**
 * One reader of a stream, with its own place in it. Iterating twice does not read twice: whoever asks first
 * gets the next event. Leaving a loop, by `break`, `return` or a throw, closes the subscription. One that is
 * closed ends at once, whatever it has not read; one whose stream is closed reads to the end first, and has
 * left the stream then.
 */
export interface Subscription<Item> extends AsyncIterable<Item | Gap> {
  /** Of the event last handed out, or the last one in the gap. To go on later, subscribe from one more. */
  readonly seq: number;
  [Symbol.asyncIterator](): AsyncIterableIterator<Item | Gap, undefined>;
  /** Hands out all there is at once, never nothing: several times cheaper where events come fast. */
  batches(): AsyncIterableIterator<readonly (Item | Gap)[], undefined>;
  /** Holds nobody up from now on. Who waits for an event is told that there are no more. Idempotent. */
  close(): void;
}

/** What a subscriber knows of its stream, and tells it. */
export interface Source<Item> {
  readonly isClosed: boolean;
  /** The subscriber waits for an event: it wants to be woken. */
  onPark(): void;
  onLeave(subscriber: Subscriber<Item>): void;
}

type Result<Value> = IteratorResult<Value, undefined>;

const DONE: Result<never> = { value: undefined, done: true };

/**
 * The subscription as its stream knows it. The iterator is written by hand: one promise per event and
 * nothing else is what an async loop costs, and a generator would cost twice that.
 */
export class Subscriber<Item> implements Subscription<Item>, AsyncIterableIterator<Item | Gap, undefined> {
  readonly cursor: Cursor<Item>;
  readonly #source: Source<Item>;
  /** Those who asked ahead of the events, in order. Each looks again when it is called. */
  readonly #parked: (() => void)[] = [];
  #isClosed = false;

  constructor(source: Source<Item>, cursor: Cursor<Item>) {
    this.#source = source;
    this.cursor = cursor;
  }

  get seq(): number {
    return this.cursor.seq;
  }

  /** An event was asked for that is not there yet. */
  get isParked(): boolean {
    return this.#parked.length > 0;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<Item | Gap>> {
    const { cursor } = this;
    if (cursor.isAtEnd || this.#isClosed) return this.#nextLater();
    return Promise.resolve({ value: cursor.read(), done: false });
  }

  return(): Promise<Result<never>> {
    this.close();
    return Promise.resolve(DONE);
  }

  batches(): AsyncIterableIterator<readonly (Item | Gap)[], undefined> {
    return new Batches(this);
  }

  nextBatch(): Promise<Result<readonly (Item | Gap)[]>> {
    const { cursor } = this;
    if (cursor.isAtEnd || this.#isClosed) return this.#nextBatchLater();
    return Promise.resolve({ value: cursor.readAll(), done: false });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#source.onLeave(this);
    this.wake();
  }

  /** An event came, or this or the stream was closed: serves those who are parked, as far as it goes. */
  wake(): void {
    while (this.#parked.length > 0) {
      if (this.#mustWait) {
        this.#source.onPark();
        return;
      }
      this.#parked.shift()?.();
    }
    this.#leaveAtEnd();
  }

  get #mustWait(): boolean {
    return this.cursor.isAtEnd && !this.#isClosed && !this.#source.isClosed;
  }

  /** Whoever has read a closed stream to its end is none of its subscribers any more. */
  #leaveAtEnd(): void {
    if (this.#source.isClosed && this.cursor.isAtEnd) this.close();
  }

  #nextLater(): Promise<Result<Item | Gap>> {
    this.#leaveAtEnd();
    if (!this.#mustWait) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#park(() => resolve(this.#result())));
  }

  #result(): Result<Item | Gap> {
    if (this.cursor.isAtEnd || this.#isClosed) return DONE;
    return { value: this.cursor.read(), done: false };
  }

  /** Looks a moment after it was woken: what is sent in the same turn comes in the same batch. */
  #nextBatchLater(): Promise<Result<readonly (Item | Gap)[]>> {
    this.#leaveAtEnd();
    if (!this.#mustWait) return Promise.resolve(DONE);
    return new Promise<void>((resolve) => this.#park(resolve)).then(() => this.nextBatch());
  }

  #park(wake: () => void): void {
    this.#parked.push(wake);
    this.#source.onPark();
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
