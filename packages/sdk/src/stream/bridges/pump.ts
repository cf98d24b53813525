import { isStreamFull } from "../errors.ts";
import type { EventStream } from "../event-stream.ts";
import type { OpenSource } from "./source.ts";

/** How a source is sent into a stream. */
export interface PumpOptions {
  /** Aborting it stops the source at once, also while it is waited for. */
  readonly signal?: AbortSignal;
  /** Leaves the stream open when the source has ended or failed; a session of several answers wants that. */
  readonly preventClose?: boolean;
}

/**
 * Sends everything a source has, one after the other, each when there was room for the one before. The
 * source is left when it fails, when the stream is closed, and when the signal aborts; the promise rejects
 * with that.
 */
export async function pump<Chunk, Item>(
  source: OpenSource<Chunk>,
  stream: EventStream<Item>,
  itemsOf: (chunk: Chunk) => readonly Item[],
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for (;;) {
      const next = await source.next();
      if (next.done === true) return;
      for (const item of itemsOf(next.value)) await sendOrDrop(stream, item, signal);
    }
  } catch (error) {
    const reason = signal?.aborted ? signal.reason : error;
    source.cancel(reason);
    throw reason;
  } finally {
    source.release();
  }
}

/** That `drop-newest` refuses an item is what it is for: the stream counts it, and the next one is sent. */
export async function sendOrDrop<Item>(
  stream: EventStream<Item>,
  item: Item,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await stream.send(item, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!isStreamFull(error)) throw error;
  }
}

/** A promise that may be awaited, and may be left alone: its rejection never ends the process. */
export function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}
