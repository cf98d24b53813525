import { expect, test } from "vitest";
import { isStreamClosed } from "../errors.ts";
import { createEventStream } from "../event-stream.ts";
import { toReadableStream, toWritableStream } from "./web.ts";

interface Numbered {
  readonly n: number;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => ({ n: index + 1 }));

test("a Web stream in and a Web stream out pass everything on, in order, and end", async () => {
  const stream = createEventStream<Numbered>({ capacity: 4 });
  const out = toReadableStream(stream);

  const [items] = await Promise.all([
    Array.fromAsync(out),
    ReadableStream.from(numbered(100)).pipeTo(toWritableStream(stream)),
  ]);

  expect(items).toEqual(numbered(100));
  expect(stream.isClosed).toBe(true);
});

test("a Web stream takes an item only when it is asked for one", async () => {
  const stream = createEventStream<Numbered>({ capacity: 2 });
  const reader = toReadableStream(stream).getReader();
  const writer = toWritableStream(stream).getWriter();
  let written = 0;
  const writing = numbered(5).map((item) => writer.write(item).then(() => written++));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(written).toBe(2);
  expect(writer.desiredSize).toBeLessThanOrEqual(0);

  for (const n of [1, 2, 3, 4, 5]) expect(await reader.read()).toEqual({ done: false, value: { n } });
  await Promise.all(writing);

  expect(written).toBe(5);
});

test("cancelling a Web stream ends the subscription, also while it waits, and not the stream", async () => {
  const stream = createEventStream<Numbered>();
  const reader = toReadableStream(stream).getReader();
  const waiting = reader.read();
  expect(stream.subscribers).toBe(1);

  await reader.cancel();

  expect((await waiting).done).toBe(true);
  expect(stream.subscribers).toBe(0);
  expect(stream.isClosed).toBe(false);
});

test("a Web stream starts where it is told to", async () => {
  const stream = createEventStream<Numbered>();
  for (const item of numbered(5)) stream.trySend(item);
  stream.close();

  expect(await Array.fromAsync(toReadableStream(stream, { from: 4 }))).toEqual([{ n: 4 }, { n: 5 }]);
});

test("closing the stream fails the next write, and cancels what is piped in", async () => {
  const stream = createEventStream<Numbered>({ capacity: 2 });
  let cancelledWith: unknown;
  const source = new ReadableStream<Numbered>({
    pull: (controller) => controller.enqueue({ n: 0 }),
    cancel: (reason) => {
      cancelledWith = reason;
    },
  });

  const piped = source.pipeTo(toWritableStream(stream));
  while (stream.length < 2) await new Promise((resolve) => setImmediate(resolve));
  stream.close();

  await expect(piped).rejects.toSatisfy(isStreamClosed);
  expect(isStreamClosed(cancelledWith)).toBe(true);
});

test("aborting a Web stream ends a wait for room at once, and closes the stream or leaves it", async () => {
  for (const preventClose of [false, true]) {
    const stream = createEventStream<Numbered>({ capacity: 1 });
    const writer = toWritableStream(stream, { preventClose }).getWriter();
    await writer.write({ n: 1 });
    const waiting = writer.write({ n: 2 });
    waiting.catch(() => {});
    writer.closed.catch(() => {});

    await writer.abort("enough");

    expect(await waiting.catch((error: unknown) => error)).toBeDefined();
    expect(stream.isClosed).toBe(!preventClose);
    expect(stream.seq).toBe(1);
  }
});
