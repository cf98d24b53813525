import assert from "node:assert/strict";
import type { Spool } from "../../spool/spool.ts";
import { readBack } from "../assembler/ends.ts";
import type { LargeTurns } from "../route-memory.ts";
import type { Shape } from "../shape.ts";
import type { PendingEvent } from "./pending-event.ts";

export interface LargeEventsOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly turns: LargeTurns;
  readonly shape: Shape;
  readonly stop: AbortSignal;
}

/** What a batch came to: the bodies are there, or which of its events cannot be read any more. */
export type Loaded = { readonly missing: readonly PendingEvent[]; release(): void };

/**
 * The large events of one route, in memory only while their batch is on its way. One such batch at a time, so
 * that a sink that answers nobody holds no more than one share of the room.
 */
export class LargeEvents {
  readonly #options: LargeEventsOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LargeEventsOptions) {
    this.#options = options;
  }

  /** Undefined if nothing of the batch has to be read. Rejects if the disk cannot be read. */
  load(batch: readonly PendingEvent[]): Promise<Loaded> | undefined {
    const large = batch.filter((item) => !item.isLoaded);
    if (large.length === 0) return undefined;
    const before = this.#last;
    const over = Promise.withResolvers<void>();
    this.#last = over.promise;
    return before.then(() => this.#load(large, () => over.resolve()));
  }

  async #load(large: readonly PendingEvent[], over: () => void): Promise<Loaded> {
    let bytes = 0;
    for (const item of large) bytes += item.sizeBytes;
    const leave = await this.#options.turns.take(bytes);
    const release = () => {
      for (const item of large) item.unload();
      leave();
      over();
    };
    try {
      const missing: PendingEvent[] = [];
      for (const item of large) if (!(await this.#read(item))) missing.push(item);
      return { missing, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** False if it is damaged by now. */
  async #read(item: PendingEvent): Promise<boolean> {
    const { spool, partition, shape, stop } = this.#options;
    const record = await readBack(spool, partition, item.offset, stop);
    if (record) {
      const shaped = shape(record);
      // It was taken once, and a shape is pure.
      assert(typeof shaped !== "string");
      item.load(shaped);
    }
    // A route that stops reads nothing, and sends nothing.
    return record !== undefined || stop.aborted;
  }
}
