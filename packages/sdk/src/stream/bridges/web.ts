import type { EventStream, SubscribeOptions } from "../event-stream.ts";
import type { Gap } from "../gap.ts";
import { sendOrDrop } from "./pump.ts";

/**
 * A Web stream of a stream's items, from now on a subscriber of its own. An item is taken when it is asked
 * for, so nothing lies in between. Ends when the stream has ended; cancelling it leaves the stream as it is.
 */
export function toReadableStream<Item>(
  stream: EventStream<Item>,
  options: SubscribeOptions = {},
): ReadableStream<Item | Gap> {
  const subscription = stream.subscribe(options);
  const items = subscription[Symbol.asyncIterator]();
  let isCancelled = false;
  return new ReadableStream<Item | Gap>(
    {
      async pull(controller) {
        const next = await items.next();
        if (isCancelled) return;
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel() {
        isCancelled = true;
        subscription.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * A Web stream whose chunks are sent into a stream, each when there was room for the one before. Closing or
 * aborting it closes the stream, unless `preventClose`. When the stream is closed by others, the next write
 * fails with a StreamError, and whatever is piped in is cancelled.
 */
export function toWritableStream<Item>(
  stream: EventStream<Item>,
  { preventClose = false }: { readonly preventClose?: boolean } = {},
): WritableStream<Item> {
  const end = () => {
    if (!preventClose) stream.close();
  };
  return new WritableStream<Item>({
    write: (item, controller) => sendOrDrop(stream, item, abortSignalOf(controller)),
    close: end,
    abort: end,
  });
}

/** Aborted at once, while `abort` waits for the write that is under way. Node's types do not know it. */
function abortSignalOf(controller: object): AbortSignal | undefined {
  return "signal" in controller && controller.signal instanceof AbortSignal ? controller.signal : undefined;
}
