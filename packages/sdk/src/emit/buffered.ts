import type { IncomingEvent } from "../event/validate.ts";
import { type Clock, systemClock, type Timer } from "../system/clock.ts";
import { type Random, systemRandom } from "../system/random.ts";
import { dropTeller, messageOf, type OnDrop } from "./drop.ts";
import type { Emitter } from "./emitter.ts";
import { LineBuffer } from "./line-buffer.ts";
import { LineEncoder } from "./line-encoder.ts";
import { untilAborted } from "./until-aborted.ts";

/**
 * An emitter that collects events as lines of JSON and hands them to a writer in batches. An event is
 * checked, gets its id, and is stringified once, into memory that is used again; nothing waits on the way.
 *
 * There are two buffers: one is being written while the other fills. When that one is full too, new events
 * are dropped, because to wait would slow the application down and to grow would end it.
 */
export interface BufferedOptions {
  /** The machine's own, unless a test says otherwise. */
  readonly clock?: Clock;
  readonly random?: Random;
  /**
   * Takes a batch; called again only when it has settled. The bytes are valid until then. Rejecting drops the
   * batch.
   */
  readonly write: (batch: Batch) => Promise<void>;
  /** Told of every event that will not arrive. */
  readonly onDrop?: OnDrop;
  /** Of each of the two buffers. */
  readonly bufferBytes?: number;
}

/** What a writer is given. */
export interface Batch {
  /** Events as JSON, each ended by a line feed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly events: number;
}

/** Two seconds of a very busy application, and less than anybody notices. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** A batch of this size is worth a write at once. */
const BATCH_BYTES = 64 * 1024;
/** How long an event waits for company at most. */
const BATCH_AGE_MS = 100;

/** An emitter that hands its events to `options.write`. Starts nothing before the first event. */
export function createBufferedEmitter(options: BufferedOptions): Emitter {
  return new BufferedEmitter(options);
}

class BufferedEmitter implements Emitter {
  readonly #clock: Clock;
  readonly #encoder: LineEncoder;
  readonly #write: BufferedOptions["write"];
  readonly #drop: OnDrop;
  #filling: LineBuffer;
  #idle: LineBuffer;
  #writing: Promise<void> | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: BufferedOptions) {
    const { clock = systemClock, random = systemRandom, write } = options;
    const { onDrop, bufferBytes = BUFFER_BYTES } = options;
    this.#clock = clock;
    this.#write = write;
    this.#drop = dropTeller(onDrop);
    this.#encoder = new LineEncoder(clock, random, this.#drop);
    this.#filling = new LineBuffer(bufferBytes);
    this.#idle = new LineBuffer(bufferBytes);
  }

  emit(event: IncomingEvent): void {
    if (this.#isClosed) this.#drop(1, "closed");
    else if (!this.#encoder.add(event, this.#filling)) return;
    else if (this.#writing !== undefined) return;
    else if (this.#filling.sizeBytes >= BATCH_BYTES) this.#startWriting();
    else this.#timer ??= this.#clock.after(BATCH_AGE_MS, () => this.#startWriting());
  }

  async flush(signal?: AbortSignal): Promise<void> {
    // At most two rounds hold what was emitted before this call: the batch being written and the one behind
    // it.
    for (let round = 0; round < 2 && !signal?.aborted; round++) {
      this.#startWriting();
      await untilAborted(this.#writing, signal);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
  }

  #startWriting(): void {
    if (this.#writing !== undefined || this.#filling.lines === 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const batch = this.#filling;
    this.#filling = this.#idle;
    this.#idle = batch;
    this.#writing = this.#writeOut(batch);
  }

  async #writeOut(batch: LineBuffer): Promise<void> {
    const events = batch.lines;
    try {
      await this.#write({ bytes: batch.bytes, events });
    } catch (error) {
      this.#drop(events, "write_failed", messageOf(error));
    }
    batch.clear();
    this.#writing = undefined;
    // What came meanwhile has waited long enough.
    this.#startWriting();
  }
}
