import { Readable, Writable } from "node:stream";
import type { EventStream, SubscribeOptions } from "../event-stream.ts";
import { sendOrDrop } from "./pump.ts";

/**
 * An item on its way and none in store: a buffer of its own would hide from the stream how slow its reader
 * is.
 */
const ITEMS_READ_AHEAD = 1;

/**
 * A Node stream, in object mode, of a stream's items and gaps; from now on a subscriber of its own. Ends when
 * the stream has ended; destroying it leaves the stream as it is.
 */
export function toNodeReadable<Item>(stream: EventStream<Item>, options: SubscribeOptions = {}): Readable {
  const subscription = stream.subscribe(options);
  const items = subscription[Symbol.asyncIterator]();
  return new Readable({
    objectMode: true,
    highWaterMark: ITEMS_READ_AHEAD,
    read() {
      items.next().then(
        (next) => this.destroyed || this.push(next.done === true ? null : next.value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      subscription.close();
      callback(error);
    },
  });
}

/**
 * A Node stream, in object mode, whose chunks are sent into a stream, each when there was room for the one
 * before. Ending or destroying it closes the stream, unless `preventClose`. When the stream is closed by
 * others, the next write fails with a StreamError, and a pipeline into it is destroyed.
 */
export function toNodeWritable<Item>(
  stream: EventStream<Item>,
  { preventClose = false }: { readonly preventClose?: boolean } = {},
): Writable {
  const destroyed = new AbortController();
  const end = () => {
    if (!preventClose) stream.close();
  };
  return new Writable({
    objectMode: true,
    highWaterMark: ITEMS_READ_AHEAD,
    write(item: Item, _encoding, callback) {
      sendOrDrop(stream, item, destroyed.signal).then(() => callback(), callback);
    },
    final(callback) {
      end();
      callback();
    },
    destroy(error, callback) {
      destroyed.abort();
      end();
      callback(error);
    },
  });
}
