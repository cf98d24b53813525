import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect, test } from "vitest";
import { isStreamClosed } from "../errors.ts";
import { createEventStream } from "../event-stream.ts";
import { toNodeReadable, toNodeWritable } from "./node.ts";

interface Numbered {
  readonly n: number;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => ({ n: index + 1 }));
const turns = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test("a Node stream in and a Node stream out pass everything on, in order, and end", async () => {
  const stream = createEventStream<Numbered>({ capacity: 4 });
  const items: unknown[] = [];
  const sink = new Writable({
    objectMode: true,
    write(item, _encoding, callback) {
      items.push(item);
      callback();
    },
  });

  await Promise.all([
    pipeline(toNodeReadable(stream), sink),
    pipeline(Readable.from(numbered(100)), toNodeWritable(stream)),
  ]);

  expect(items).toEqual(numbered(100));
  expect(stream.isClosed).toBe(true);
});

test("a Node stream reads one item ahead and no more, and a writer waits for room", async () => {
  const stream = createEventStream<Numbered>({ capacity: 2 });
  const readable = toNodeReadable(stream);
  const writable = toNodeWritable<Numbered>(stream);
  let written = 0;
  for (const item of numbered(9)) writable.write(item, () => written++);
  await turns();
  expect(written).toBe(2);

  readable.read(0);
  await turns();

  expect(written).toBe(3);
  expect(await Array.fromAsync(readable.take(5))).toEqual(numbered(5));
  writable.destroy();
});

test("destroying a Node stream ends the subscription, also while it waits, and not the stream", async () => {
  const stream = createEventStream<Numbered>();
  const readable = toNodeReadable(stream);
  readable.read(0);
  expect(stream.subscribers).toBe(1);

  readable.destroy();
  await turns();

  expect(readable.errored).toBe(null);
  expect(stream.subscribers).toBe(0);
  expect(stream.isClosed).toBe(false);
});

test("closing the stream fails the next write, and destroys a pipeline into it", async () => {
  const stream = createEventStream<Numbered>({ capacity: 2 });
  async function* endless() {
    for (;;) yield { n: 0 };
  }
  const source = Readable.from(endless());

  const piped = pipeline(source, toNodeWritable(stream));
  piped.catch(() => {});
  while (stream.length < 2) await turns();
  stream.close();

  await expect(piped).rejects.toSatisfy(isStreamClosed);
  expect(source.destroyed).toBe(true);
});

test("destroying a writable ends a wait for room, and closes the stream or leaves it", async () => {
  for (const preventClose of [false, true]) {
    const stream = createEventStream<Numbered>({ capacity: 1 });
    const writable = toNodeWritable<Numbered>(stream, { preventClose });
    writable.on("error", () => {});
    writable.write({ n: 1 });
    writable.write({ n: 2 });
    await turns();

    writable.destroy(new Error("enough"));
    await turns();

    expect(stream.isClosed).toBe(!preventClose);
    expect(stream.seq).toBe(1);
    expect(stream.isAwaited).toBe(false);
  }
});
