import type { EventStream } from "../event-stream.ts";
import { handled, type PumpOptions, pump } from "./pump.ts";
import { type ChunkSource, openSource } from "./source.ts";

/**
 * Sends all items of a source into a stream and closes it: a Web ReadableStream, a Node Readable in object
 * mode, any iterable, asynchronous or not; or a promise of one. Takes the next item when there was room for
 * the last one, so a slow subscriber of a `block` stream slows the source down.
 *
 * Resolves when the source has ended. Rejects with what broke it, with a StreamError if the stream is closed
 * first, and with the signal's reason; in the last two cases the source is cancelled or destroyed: at once by
 * the signal, with its next item by a stream that is closed, so give a source that may fall silent a signal.
 * Nobody has to await the promise: a rejection that is not looked at is no unhandled one.
 */
export function fromIterable<Item>(
  source: ChunkSource<Item> | PromiseLike<ChunkSource<Item>>,
  stream: EventStream<Item>,
  options: PumpOptions = {},
): Promise<void> {
  return handled(sendAll(source, stream, options));
}

async function sendAll<Item>(
  source: ChunkSource<Item> | PromiseLike<ChunkSource<Item>>,
  stream: EventStream<Item>,
  { signal, preventClose = false }: PumpOptions,
): Promise<void> {
  try {
    await pump(openSource(source, signal), stream, (item) => [item], signal);
  } finally {
    if (!preventClose) stream.close();
  }
}
