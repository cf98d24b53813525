import type { IncomingEvent } from "../event/validate.ts";
import { type Clock, systemClock, type Timer } from "../system/clock.ts";
import { systemProcessEnd } from "../system/process-end.ts";
import { type Random, systemRandom } from "../system/random.ts";
import { type DropReason, dropTeller, messageOf, type OnDrop } from "./drop.ts";
import type { Emitter } from "./emitter.ts";
import { EventLines } from "./event-lines.ts";
import { HeadWriter } from "./head.ts";
import { untilAborted } from "./until-aborted.ts";

/**
 * An emitter that collects events as lines of JSON and hands them to a writer in batches. An event is
 * checked, gets its id, and is written once, into memory that is used again; nothing waits on the way.
 *
 * There are two buffers: one is being written while the other fills. When that one is full too, new events
 * are dropped, because to wait would slow the application down and to grow would end it.
 *
 * A batch that the writer rejects is dropped; or, with `retryMs`, kept: it is offered again after that time,
 * at the next flush, and for the last time at close. Until then the other buffer fills.
 *
 * When the process has nothing left to do, what is buffered is written before it ends; what cannot be is
 * dropped, and told. `process.exit` and a signal leave no time for that: they lose what came in the last
 * 100 ms, so `await emitter.close()` before you call it.
 */
export interface BufferedOptions {
  /** The machine's own, unless a test says otherwise. */
  readonly clock?: Clock;
  readonly random?: Random;
  /**
   * Takes a batch; called again only when it has settled. The bytes are valid until then. A rejection says
   * that no event of the batch was written, or, as a `BatchError`, how many were.
   */
  readonly write: (batch: Batch) => Promise<void>;
  /** Told of every event that will not arrive. */
  readonly onDrop?: OnDrop;
  /** Of each of the two buffers. */
  readonly bufferBytes?: number;
  /** How long an event waits for company at most. 100 ms. */
  readonly batchAgeMs?: number;
  /** Absent: a rejected batch is dropped. */
  readonly retryMs?: number;
}

/** What a writer is given. */
export interface Batch {
  /** Events as JSON, each ended by a line feed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly events: number;
}

/** A rejection that knows more: how many of the batch's first events are safe, and whether to try the rest. */
export class BatchError extends Error {
  readonly written: number;
  readonly mayRetry: boolean;

  constructor(cause: unknown, written: number, mayRetry = true) {
    super(messageOf(cause), { cause });
    this.written = written;
    this.mayRetry = mayRetry;
  }
}

/** Any event fits, and seconds of a very busy application do. Memory is taken as it is needed. */
const BUFFER_BYTES = 16 * 1024 * 1024;
/** A batch of this size is worth a write at once. */
const BATCH_BYTES = 64 * 1024;
const BATCH_AGE_MS = 100;
const LINE_FEED = 0x0a;

/** An emitter that hands its events to `options.write`. Starts nothing before the first event. */
export function createBufferedEmitter(options: BufferedOptions): Emitter {
  return new BufferedEmitter(options);
}

class BufferedEmitter implements Emitter {
  readonly #clock: Clock;
  readonly #head: HeadWriter;
  readonly #write: BufferedOptions["write"];
  readonly #drop: OnDrop;
  readonly #batchAgeMs: number;
  readonly #retryMs: number | undefined;
  #filling: EventLines;
  #idle: EventLines;
  /** The attempt under way. Never rejects. */
  #writing: Promise<void> | undefined;
  /** What the writer did not take yet. */
  #rejected: Batch | undefined;
  #ageTimer: Timer | undefined;
  #retryTimer: Timer | undefined;
  #stopListening: (() => void) | undefined;
  #isClosed = false;
  /** At close and before the process ends there is no later. */
  #isLastTry = false;

  constructor(options: BufferedOptions) {
    const { clock = systemClock, random = systemRandom, write, onDrop, retryMs } = options;
    const { bufferBytes = BUFFER_BYTES, batchAgeMs = BATCH_AGE_MS } = options;
    this.#clock = clock;
    this.#head = new HeadWriter(clock, random);
    this.#write = write;
    this.#drop = dropTeller(onDrop);
    this.#batchAgeMs = batchAgeMs;
    this.#retryMs = retryMs;
    this.#filling = new EventLines(bufferBytes);
    this.#idle = new EventLines(bufferBytes);
  }

  emit(event: IncomingEvent): void {
    if (this.#isClosed) this.#drop(1, "closed");
    else if (!this.#add(event)) return;
    else if (this.#writing !== undefined || this.#rejected !== undefined) return;
    else if (this.#filling.sizeBytes >= BATCH_BYTES) this.#startWriting();
    else this.#ageTimer ??= this.#waitForCompany();
  }

  async flush(signal?: AbortSignal): Promise<void> {
    // At most two rounds hold what was emitted before this call: the batch being written and the one behind
    // it.
    for (let round = 0; round < 2 && !signal?.aborted; round++) {
      this.#startWriting();
      await untilAborted(this.#writing, signal);
      if (this.#rejected !== undefined) return;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isLastTry = true;
    await this.flush();
    // An attempt that was under way before this call may have kept its batch for later.
    await this.flush();
    this.#ageTimer?.cancel();
    this.#retryTimer?.cancel();
    this.#stopListening?.();
  }

  /** False when the event could not be taken, which is told. */
  #add(event: IncomingEvent): boolean {
    const refusal = this.#filling.add(event, this.#head);
    if (refusal !== undefined) this.#drop(1, refusal.reason, refusal.detail);
    return refusal === undefined;
  }

  /** The timer is left alone when a batch goes earlier: to set it anew for each batch would cost more. */
  #waitForCompany(): Timer {
    this.#watchForExit();
    return this.#clock.after(this.#batchAgeMs, () => {
      this.#ageTimer = undefined;
      if (this.#rejected === undefined) this.#startWriting();
    });
  }

  #watchForExit(): void {
    this.#stopListening ??= systemProcessEnd.listen({
      onIdle: () => void this.#flushAtExit(),
      // A writer that takes time cannot be waited for: what is buffered is lost then, as promised.
      onExit: () => {},
    });
  }

  async #flushAtExit(): Promise<void> {
    this.#isLastTry = true;
    await this.flush();
    this.#isLastTry = this.#isClosed;
  }

  /** Begins an attempt, if none is under way and there is anything to write. */
  #startWriting(): void {
    if (this.#writing !== undefined) return;
    const batch = this.#rejected ?? this.#nextBatch();
    if (batch === undefined) return;
    // A large first batch has waited for nobody, and may be rejected, and kept.
    this.#watchForExit();
    this.#rejected = undefined;
    this.#retryTimer?.cancel();
    this.#writing = this.#writeOut(batch);
  }

  #nextBatch(): Batch | undefined {
    const { lines, bytes } = this.#filling;
    if (lines === 0) return undefined;
    [this.#filling, this.#idle] = [this.#idle, this.#filling];
    return { bytes, events: lines };
  }

  async #writeOut(batch: Batch): Promise<void> {
    const rest = await this.#attempt(batch);
    this.#writing = undefined;
    if (rest !== undefined && this.#retryMs !== undefined) {
      this.#rejected = rest;
      this.#retryTimer = this.#clock.after(this.#retryMs, () => this.#startWriting());
      return;
    }
    this.#idle.clear();
    // What came meanwhile has waited long enough.
    this.#startWriting();
  }

  /** What is to be offered again; undefined when all of the batch was written or dropped. */
  async #attempt(batch: Batch): Promise<Batch | undefined> {
    try {
      await this.#write(batch);
      return undefined;
    } catch (error) {
      const written = error instanceof BatchError ? error.written : 0;
      const mayRetry = !(error instanceof BatchError) || error.mayRetry;
      const rest = batchAfter(batch, written);
      if (mayRetry && this.#retryMs !== undefined && !this.#isLastTry) return rest;
      const reason: DropReason = mayRetry ? "write_failed" : "refused";
      this.#drop(rest.events, reason, messageOf(error));
      return undefined;
    }
  }
}

function batchAfter({ bytes, events }: Batch, written: number): Batch {
  let start = 0;
  for (let line = 0; line < written; line++) start = bytes.indexOf(LINE_FEED, start) + 1;
  return { bytes: bytes.subarray(start), events: events - written };
}
