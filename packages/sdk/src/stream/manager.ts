import type { StreamEvent } from "../event/dialects/stream/stream-event.ts";
import { type Clock, systemClock, type Timer } from "../system/clock.ts";
import { StreamError, type StreamOperation } from "./errors.ts";
import { createEventStream, type EventStream, type EventStreamOptions } from "./event-stream.ts";

/**
 * Streams by their ids, one per answer or session.
 *
 * **Open, closed, forgotten.** A stream is open until it is closed: by `closeStream`, by its own `close()`,
 * or by the clean-up because nobody used it. Only open streams are listed and counted. A closed one is kept
 * for `keepClosedMs` after it was last read, so that a page that is reloaded after the end of its answer
 * finds it: `getStream`, `streamInfo` and `subscribe` work as before. Then it is forgotten: its id is
 * unknown again, and its memory is free once its last subscriber has left. Its id may be used again at any
 * time, which forgets the old stream at once; a reader that comes back with a seq of the old one would then
 * get the rest of the new one, so give a new answer a new id.
 *
 * **Inactive** is an open stream in which nothing was sent or received for a time, unless somebody waits at
 * this moment: a subscriber for the next event, or a sender for room. A subscriber that has stopped reading
 * keeps no stream alive.
 *
 * The clean-up runs by itself while there are streams, and never keeps the process alive. No method waits.
 */
export interface StreamManager<Item = StreamEvent> {
  /**
   * Throws a StreamError: `exists` if a stream of that id is open, `closed` if the manager is. `options` go
   * before the manager's own.
   */
  createStream(id: string, options?: StreamOptions): EventStream<Item>;
  /** Open or closed. Throws a StreamError `not_found`. */
  getStream(id: string): EventStream<Item>;
  /** The open stream of that id, or a new one. Throws a StreamError `closed` if the manager is closed. */
  getOrCreate(
    id: string,
    options?: StreamOptions,
  ): { readonly stream: EventStream<Item>; readonly created: boolean };
  /** Does nothing to a closed stream. Throws a StreamError `not_found`. */
  closeStream(id: string): void;
  /** The ids of all open streams, oldest first. */
  listStreams(): readonly string[];
  /** How many are open. */
  streamCount(): number;
  /** Throws a StreamError `not_found`. */
  streamInfo(id: string): StreamInfo;
  /** Of all streams that are known, closed ones too. */
  listStreamInfo(): readonly StreamInfo[];
  /** Closes all streams. They can still be read, and new ones made. */
  closeAll(): void;
  /**
   * Closes the streams that were inactive for so many milliseconds, and returns how many these were; 0 or
   * less closes none. Forgets the closed ones whose time is over.
   */
  cleanupInactive(thresholdMs: number): number;
  /** Closes and forgets all streams and stops the clean-up. Idempotent; no stream can be made any more. */
  close(): void;
}

/** What one stream has: see `EventStreamOptions`. */
export type StreamOptions = Omit<EventStreamOptions, "id" | "clock">;

/** What the streams of a manager have, and how long they are kept. */
export interface StreamManagerOptions extends StreamOptions {
  /** How many milliseconds a stream may be inactive before it is closed. Default: one hour. */
  readonly inactiveMs?: number;
  /**
   * How many milliseconds a closed stream can still be read, from its last read on. Default: five minutes.
   */
  readonly keepClosedMs?: number;
  /** Milliseconds between two looks of the clean-up. Default: 10 s. */
  readonly cleanupIntervalMs?: number;
  /** The machine's own, unless a test says otherwise. */
  readonly clock?: Clock;
}

/** A stream as it was when it was asked about. */
export interface StreamInfo {
  readonly id: string;
  readonly capacity: number;
  readonly length: number;
  readonly isClosed: boolean;
  /** When something was last sent or received, or the stream was made: RFC 3339 in UTC. */
  readonly lastActivity: string;
  readonly dropped: number;
  readonly subscribers: number;
}

/** A session whose user went for lunch is still there afterwards. */
const INACTIVE_MS = 60 * 60_000;
/** A reload takes seconds; the rest is for a laptop that was shut for a moment. */
const KEEP_CLOSED_MS = 5 * 60_000;
const CLEANUP_INTERVAL_MS = 10_000;
/** With the default size of a stream, at most 1 GiB; answers are a hundredth of that. The oldest go first. */
const CLOSED_MAX = 1_000;

/**
 * A manager of streams, which belongs to whoever made it: `close` it in the end. Throws a RangeError if an
 * option makes no sense.
 */
export function createStreamManager<Item = StreamEvent>(
  options: StreamManagerOptions = {},
): StreamManager<Item> {
  return new Manager(options);
}

class Manager<Item> implements StreamManager<Item> {
  readonly #options: StreamOptions;
  readonly #clock: Clock;
  readonly #inactiveMs: number;
  readonly #keepClosedMs: number;
  readonly #cleanupIntervalMs: number;
  readonly #streams = new Map<string, EventStream<Item>>();
  /** When a stream was found closed: it may have been idle for long before, and still has its time. */
  readonly #closedAtMs = new Map<EventStream<Item>, number>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: StreamManagerOptions) {
    const { clock = systemClock, inactiveMs = INACTIVE_MS, keepClosedMs = KEEP_CLOSED_MS } = options;
    const { cleanupIntervalMs = CLEANUP_INTERVAL_MS, ...streamOptions } = options;
    this.#options = streamOptions;
    this.#clock = clock;
    this.#inactiveMs = atLeast("inactiveMs", 1, inactiveMs);
    this.#keepClosedMs = atLeast("keepClosedMs", 0, keepClosedMs);
    this.#cleanupIntervalMs = atLeast("cleanupIntervalMs", 1, cleanupIntervalMs);
    // Told here, where the options stand, and not by the first stream that somebody asks for.
    createEventStream(streamOptions);
  }

  createStream(id: string, options: StreamOptions = {}): EventStream<Item> {
    if (this.#isClosed) throw failure(id, "create", "closed");
    if (id === "")
      throw new RangeError("createStream: the id is empty. Give one that tells this stream from others.");
    if (this.#openStream(id) !== undefined) throw failure(id, "create", "exists");
    this.#forget(id);
    const stream = createEventStream<Item>({ ...this.#options, ...options, id, clock: this.#clock });
    this.#streams.set(id, stream);
    this.#timer ??= this.#clock.after(this.#cleanupIntervalMs, this.#cleanUp);
    return stream;
  }

  getStream(id: string): EventStream<Item> {
    return this.#known(id, "get");
  }

  getOrCreate(id: string, options: StreamOptions = {}) {
    const open = this.#openStream(id);
    return open === undefined
      ? { stream: this.createStream(id, options), created: true }
      : { stream: open, created: false };
  }

  closeStream(id: string): void {
    this.#close(this.#known(id, "close"));
  }

  listStreams(): readonly string[] {
    return [...this.#streams].filter(([, stream]) => !stream.isClosed).map(([id]) => id);
  }

  streamCount(): number {
    let count = 0;
    for (const stream of this.#streams.values()) if (!stream.isClosed) count++;
    return count;
  }

  streamInfo(id: string): StreamInfo {
    return this.#infoOf(this.#known(id, "get"));
  }

  listStreamInfo(): readonly StreamInfo[] {
    return Array.from(this.#streams.values(), (stream) => this.#infoOf(stream));
  }

  closeAll(): void {
    for (const stream of this.#streams.values()) this.#close(stream);
  }

  cleanupInactive(thresholdMs: number): number {
    this.#forgetClosed();
    if (!(thresholdMs > 0)) return 0;
    let closed = 0;
    for (const stream of this.#streams.values()) {
      if (stream.isClosed || stream.isAwaited || stream.idleMs < thresholdMs) continue;
      this.#close(stream);
      closed++;
    }
    return closed;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.closeAll();
    this.#streams.clear();
    this.#closedAtMs.clear();
  }

  readonly #cleanUp = (): void => {
    this.cleanupInactive(this.#inactiveMs);
    // Without streams there is no timer, so a manager that is no longer used is garbage, closed or not.
    const isNeeded = this.#streams.size > 0;
    this.#timer = isNeeded ? this.#clock.after(this.#cleanupIntervalMs, this.#cleanUp) : undefined;
  };

  #close(stream: EventStream<Item>): void {
    stream.close();
    if (!this.#closedAtMs.has(stream)) this.#closedAtMs.set(stream, this.#clock.monotonicMs());
  }

  /** Those that were closed by their own `close()` are found here, at most one interval late. */
  #forgetClosed(): void {
    const nowMs = this.#clock.monotonicMs();
    let tooMany = -CLOSED_MAX;
    for (const stream of this.#streams.values()) {
      if (!stream.isClosed) continue;
      this.#close(stream);
      tooMany++;
    }
    for (const [stream, closedAtMs] of this.#closedAtMs) {
      const unreadMs = Math.min(nowMs - closedAtMs, stream.idleMs);
      if (tooMany-- > 0 || unreadMs >= this.#keepClosedMs) this.#forget(stream.id);
    }
  }

  #forget(id: string): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    this.#closedAtMs.delete(stream);
  }

  #openStream(id: string): EventStream<Item> | undefined {
    const stream = this.#streams.get(id);
    return stream?.isClosed === false ? stream : undefined;
  }

  #known(id: string, operation: StreamOperation): EventStream<Item> {
    const stream = this.#streams.get(id);
    if (stream === undefined) throw failure(id, operation, "not_found");
    return stream;
  }

  #infoOf(stream: EventStream<Item>): StreamInfo {
    const { id, capacity, length, isClosed, dropped, subscribers } = stream;
    const lastActivity = new Date(this.#clock.nowMs() - stream.idleMs).toISOString();
    return { id, capacity, length, isClosed, lastActivity, dropped, subscribers };
  }
}

function atLeast(name: string, least: number, valueMs: number): number {
  if (valueMs >= least) return valueMs;
  throw new RangeError(
    `createStreamManager: ${name} is ${String(valueMs)}. ` +
      `Give milliseconds, from ${least} on; Infinity is never.`,
  );
}

function failure(
  streamId: string,
  operation: StreamOperation,
  code: "exists" | "closed" | "not_found",
): StreamError {
  return new StreamError({ streamId, operation, code, message: messageOf(streamId, code) });
}

function messageOf(id: string, code: "exists" | "closed" | "not_found"): string {
  switch (code) {
    case "exists":
      return `A stream "${id}" is open already. Use getOrCreate to share it, or another id.`;
    case "closed":
      return `The manager is closed, and stream "${id}" was not made.`;
    case "not_found":
      return `There is no stream "${id}": it was never made, or it was closed and its time is over.`;
  }
}
