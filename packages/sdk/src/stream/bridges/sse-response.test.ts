import fc from "fast-check";
import { expect, test } from "vitest";
import { type StreamEvent, textDeltaEvent } from "../../event/dialects/stream/stream-event.ts";
import { ManualClock } from "../../system/manual-clock.ts";
import { createEventStream, type EventStream, type EventStreamOptions } from "../event-stream.ts";
import { toSseResponse } from "./sse-response.ts";

interface Read {
  readonly name: string;
  readonly id: number;
  readonly data: unknown;
}

function openStream(count: number, options: EventStreamOptions = {}): EventStream<StreamEvent> {
  const stream = createEventStream({ id: "s-1", clock: new ManualClock(), ...options });
  for (let n = 1; n <= count; n++) expect(stream.trySend(textDeltaEvent(`${n} `))).toBe(true);
  return stream;
}

/** The events in a text, told the way an EventSource sees them. */
function eventsIn(text: string): Read[] {
  return text
    .split("\n\n")
    .map((block) => new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string])))
    .filter((fields) => fields.has("data"))
    .map((fields) => ({
      name: fields.get("event") ?? "message",
      id: Number(fields.get("id")),
      data: JSON.parse(fields.get("data") ?? ""),
    }));
}

function textsOf(events: readonly Read[]): string {
  return events.map(({ data }) => (data as StreamEvent).data?.text ?? "").join("");
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | undefined> {
  const { done, value } = await reader.read();
  return done ? undefined : new TextDecoder().decode(value);
}

test("a response has the whole stream, each event with its seq, and says when it is over", async () => {
  const stream = openStream(3);
  stream.close();

  const response = toSseResponse(stream, { retryMs: 250, headers: { "x-mine": "1" } });
  const text = await response.text();

  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(response.headers.get("cache-control")).toBe("no-cache, no-transform");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  expect(response.headers.get("x-mine")).toBe("1");
  expect(text.startsWith("retry: 250\n\nevent: TextDelta\nid: 1\ndata: {")).toBe(true);
  expect(eventsIn(text).map(({ name, id }) => [name, id])).toEqual([
    ["TextDelta", 1],
    ["TextDelta", 2],
    ["TextDelta", 3],
    ["StreamEnd", 3],
  ]);
});

test("a reader that comes back with any seq gets exactly the rest, live or ended", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 40 }),
      fc.nat(40),
      fc.boolean(),
      async (count, at, isEnded) => {
        fc.pre(at <= count);
        const stream = openStream(count);
        if (isEnded) stream.close();
        const response = toSseResponse(stream, { lastEventId: String(at) });
        stream.close();

        if (isEnded && at === count) {
          expect(response.status).toBe(204);
          return;
        }
        const events = eventsIn(await response.text());
        const rest = Array.from({ length: count - at }, (_, index) => at + 1 + index);
        expect(events.map(({ id }) => id)).toEqual([...rest, count]);
        expect(textsOf(events)).toBe(rest.map((n) => `${n} `).join(""));
      },
    ),
    { numRuns: 200 },
  );
});

test("an EventSource that has seen the end, and comes back, is told not to again", async () => {
  const stream = openStream(0);
  stream.close();

  const first = eventsIn(await toSseResponse(stream).text());
  const second = toSseResponse(stream, { lastEventId: String(first.at(-1)?.id) });

  expect(first).toEqual([{ name: "StreamEnd", id: 0, data: { seq: 0 } }]);
  expect(second.status).toBe(204);
  expect(second.body).toBe(null);
});

test("what the ring has lost is a gap, and the reader can come back after it", async () => {
  const stream = openStream(0, { capacity: 4, policy: "drop-oldest" });
  for (let n = 1; n <= 10; n++) stream.trySend(textDeltaEvent(`${n} `));
  stream.close();

  const events = eventsIn(await toSseResponse(stream, { lastEventId: "2" }).text());

  expect(events.map(({ name, id }) => [name, id])).toEqual([
    ["Gap", 6],
    ["TextDelta", 7],
    ["TextDelta", 8],
    ["TextDelta", 9],
    ["TextDelta", 10],
    ["StreamEnd", 10],
  ]);
  expect(events[0]?.data).toMatchObject({ type: "Gap", data: { dropped: 4, from: 3, to: 6 } });
});

test("pieces of text that coalesce has joined have the seq of the last of them", async () => {
  const stream = openStream(3, { policy: "coalesce" });
  stream.trySend({ type: "Usage", data: { total_tokens: 3 }, timestamp: "2026-01-01T00:00:00Z" });
  stream.trySend(textDeltaEvent("5 "));
  stream.close();

  const events = eventsIn(await toSseResponse(stream, { lastEventId: "1" }).text());

  expect(events.map(({ name, id }) => [name, id])).toEqual([
    ["TextDelta", 3],
    ["Usage", 4],
    ["TextDelta", 5],
    ["StreamEnd", 5],
  ]);
  expect(textsOf(events)).toBe("2 3 5 ");
});

test("an event that calls itself a Gap, or has a seq of its own, moves nobody's place", async () => {
  const stream = createEventStream<object>({ policy: "coalesce" });
  for (const text of ["a", "b"]) stream.trySend({ type: "TextDelta", data: { text } });
  stream.trySend({ type: "Gap", data: { dropped: 7, from: 9, to: 15 } });
  stream.trySend({ type: "Custom", fromSeq: 1, seq: 40 });
  stream.close();

  const events = eventsIn(await toSseResponse(stream).text());

  expect(events.map(({ id }) => id)).toEqual([2, 3, 4, 4]);
});

test("an id that the stream has never given starts from the beginning", async () => {
  for (const lastEventId of ["99", "x", ""]) {
    const stream = openStream(2);
    const response = toSseResponse(stream, { lastEventId });
    stream.close();

    expect(eventsIn(await response.text()).map(({ id }) => id)).toEqual([1, 2, 2]);
  }
});

test("a silent response sends a heartbeat, and loses nothing by it", async () => {
  const clock = new ManualClock();
  const stream = openStream(0);
  const response = toSseResponse(stream, { clock, heartbeatMs: 5_000 });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await readChunk(reader);

  const first = readChunk(reader);
  await clock.advance(5_000);
  const second = readChunk(reader);
  await clock.advance(4_999);
  stream.trySend(textDeltaEvent("late"));

  expect(await first).toBe(":\n\n");
  expect(textsOf(eventsIn((await second) ?? ""))).toBe("late");
  await reader.cancel();
  expect(clock.timers).toBe(0);
});

test("no heartbeat is sent where none is wanted", async () => {
  const clock = new ManualClock();
  const response = toSseResponse(openStream(0), { clock, heartbeatMs: 0 });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await readChunk(reader);

  const next = readChunk(reader);

  expect(clock.timers).toBe(0);
  await reader.cancel();
  expect(await next).toBeUndefined();
});

/** The seqs that an event stands for, as its content says. */
function spanOf(data: unknown): readonly [number, number] {
  const { type, data: said } = data as { type: string; data: { text: string; from: number; to: number } };
  if (type === "Gap") return [said.from, said.to];
  const numbers = said.text.trim().split(" ").map(Number);
  return [numbers.at(0) ?? Number.NaN, numbers.at(-1) ?? Number.NaN];
}

test("however sends, reads, silences and losses come, each id is the seq of what it stands for", async () => {
  const action = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom("read", "read", "silence"));
  const policy = fc.constantFrom("drop-oldest", "coalesce");
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), policy, async (actions, policy) => {
      const clock = new ManualClock();
      const stream = createEventStream({ clock, capacity: 3, maxBytes: 1_500, policy });
      const reader = (toSseResponse(stream, { clock }).body as ReadableStream<Uint8Array>).getReader();
      const chunks: Promise<string | undefined>[] = [readChunk(reader)];

      for (const action of actions) {
        if (action === "read") chunks.push(readChunk(reader));
        else if (action === "silence") await clock.advance(15_000);
        else for (let n = 0; n < action; n++) stream.trySend(textDeltaEvent(`${stream.seq + 1} `));
      }
      stream.close();
      for (let chunk = await readChunk(reader); chunk !== undefined; chunk = await readChunk(reader))
        chunks.push(Promise.resolve(chunk));

      const events = eventsIn((await Promise.all(chunks)).join(""));
      expect(events.pop()).toEqual({ name: "StreamEnd", id: stream.seq, data: { seq: stream.seq } });
      let last = 0;
      for (const { id, data } of events) {
        const [from, to] = spanOf(data);
        expect([from, id]).toEqual([last + 1, to]);
        last = id;
      }
      expect(last).toBe(stream.seq);
    }),
    { numRuns: 200 },
  );
});

test("what comes between a heartbeat and the next read keeps its seq", async () => {
  const clock = new ManualClock();
  const stream = openStream(2);
  const reader = (toSseResponse(stream, { clock }).body as ReadableStream<Uint8Array>).getReader();
  for (let chunk = 0; chunk < 2; chunk++) await readChunk(reader);
  const heartbeat = readChunk(reader);
  await clock.advance(15_000);
  expect(await heartbeat).toBe(":\n\n");

  for (const text of ["3", "4"]) stream.trySend(textDeltaEvent(text));
  await clock.advance(0);

  expect(eventsIn((await readChunk(reader)) ?? "").map(({ id }) => id)).toEqual([3, 4]);
  await reader.cancel();
});

test("a reader takes from the stream only what it reads, and holds up a sender under block", async () => {
  const stream = openStream(0, { capacity: 2 });
  const reader = (toSseResponse(stream).body as ReadableStream<Uint8Array>).getReader();
  await readChunk(reader);
  const begun = readChunk(reader);
  await stream.send(textDeltaEvent("1"));
  expect(textsOf(eventsIn((await begun) ?? ""))).toBe("1");

  stream.trySend(textDeltaEvent("2"));
  stream.trySend(textDeltaEvent("3"));
  const waiting = stream.send(textDeltaEvent("4"));

  expect(stream.length).toBe(2);
  expect(textsOf(eventsIn((await readChunk(reader)) ?? ""))).toBe("23");
  await waiting;
  await reader.cancel();
});

test("a reader that leaves, and a signal, end the subscription and nothing else", async () => {
  const stream = openStream(1);
  const controller = new AbortController();
  const left = (toSseResponse(stream).body as ReadableStream<Uint8Array>).getReader();
  const aborted = (
    toSseResponse(stream, { signal: controller.signal }).body as ReadableStream<Uint8Array>
  ).getReader();
  for (const reader of [left, aborted]) for (let chunk = 0; chunk < 2; chunk++) await readChunk(reader);
  const waiting = [readChunk(left), readChunk(aborted)];
  expect(stream.subscribers).toBe(2);

  await left.cancel();
  controller.abort();

  expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  expect(stream.subscribers).toBe(0);
  expect(stream.isClosed).toBe(false);
});

test("a response that nobody reads, or whose signal is aborted already, holds nobody up", async () => {
  const stream = openStream(1);

  toSseResponse(stream);
  const late = await toSseResponse(stream, { signal: AbortSignal.abort() }).text();

  expect(late).toBe("");
  expect(stream.subscribers).toBe(0);
});
