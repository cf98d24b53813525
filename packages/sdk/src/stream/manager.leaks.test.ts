import { getEventListeners } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { textDeltaEvent } from "../event/dialects/stream/stream-event.ts";
import { ManualClock } from "../system/manual-clock.ts";
import { fromIterable } from "./bridges/from-iterable.ts";
import { toNodeReadable, toNodeWritable } from "./bridges/node.ts";
import { sendSse } from "./bridges/send-sse.ts";
import { toSseResponse } from "./bridges/sse-response.ts";
import { toReadableStream, toWritableStream } from "./bridges/web.ts";
import type { EventStream } from "./event-stream.ts";
import { createStreamManager, type StreamManager } from "./manager.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const STREAMS = 100;

async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function watchRejections(action: () => Promise<void>): Promise<unknown[]> {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  await action();
  await turns();
  process.off("unhandledRejection", onUnhandled);
  return unhandled;
}

/** A source that has always one more. */
async function* endless() {
  for (;;) yield textDeltaEvent("more");
}

/** Everything that one can be in the middle of; nothing is awaited, as in an application that has crashed. */
function useEverywhere(stream: EventStream, signal: AbortSignal): void {
  for (let n = 0; n < 5; n++) stream.send(textDeltaEvent("x"), { signal, timeoutMs: 1_000_000 });
  stream.subscribe();
  stream.subscribe()[Symbol.asyncIterator]().next();
  fromIterable(endless(), stream, { signal });
  ReadableStream.from(endless())
    .pipeTo(toWritableStream(stream))
    .catch(() => {});
  toReadableStream(stream).getReader().read();
  toNodeReadable(stream).read(0);
  const writable = toNodeWritable(stream).on("error", () => {});
  for (let n = 0; n < 5; n++) writable.write(textDeltaEvent("y"));
  toSseResponse(stream, { signal }).text();
}

async function useMany(manager: StreamManager, signal: AbortSignal): Promise<WeakRef<EventStream>[]> {
  const streams: WeakRef<EventStream>[] = [];
  for (let n = 0; n < STREAMS; n++) {
    const stream = manager.createStream(`s-${n}`);
    useEverywhere(stream, signal);
    streams.push(new WeakRef(stream));
  }
  await turns();
  return streams;
}

test.each(["closeAll", "close", "closeStream"] as const)(
  "%s in the middle of everything leaves no rejection, no timer, no listener and no memory",
  async (way) => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const manager = createStreamManager({ clock, capacity: 4, keepClosedMs: 60_000 });
    let streams: WeakRef<EventStream>[] = [];

    const unhandled = await watchRejections(async () => {
      streams = await useMany(manager, signal);
      if (way === "closeStream") for (const id of manager.listStreams()) manager.closeStream(id);
      else manager[way]();
      await turns();
      await clock.advance(120_000);
    });

    expect(unhandled).toEqual([]);
    expect(clock.timers).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    collectGarbage();
    expect(streams.filter((stream) => stream.deref() !== undefined)).toEqual([]);
  },
);

test("an abort of everything leaves no rejection, and the streams to be cleaned up", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const manager = createStreamManager({ clock, capacity: 4 });

  const unhandled = await watchRejections(async () => {
    await useMany(manager, controller.signal);
    controller.abort();
  });

  expect(unhandled).toEqual([]);
  expect(manager.streamCount()).toBe(0);
  manager.close();
  expect(clock.timers).toBe(0);
});

test("a manager that is closed while pages watch ends their responses, and leaves no handle", async () => {
  const manager = createStreamManager();
  const server = createServer((_request, response) => {
    sendSse(manager.getOrCreate("a").stream, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const responses = await Promise.all(Array.from({ length: 50 }, () => fetch(url)));
  const texts = responses.map((response) => response.text());
  while (manager.streamInfo("a").subscribers < 50) await turns(1);

  manager.getStream("a").trySend(textDeltaEvent("bye"));
  manager.close();

  for (const text of await Promise.all(texts)) expect(text).toMatch(/bye.*\n\nevent: StreamEnd\nid: 1\n/s);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await turns(50);
  expect(process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP"))).toEqual([]);
});
