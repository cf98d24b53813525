import fc from "fast-check";
import { expect, test } from "vitest";
import { endId, type IncomingEvent } from "../event/validate.ts";
import { ManualClock } from "../system/manual-clock.ts";
import { seededRandom } from "../system/random.ts";
import { BatchError, createBufferedEmitter } from "./buffered.ts";

const time = "2026-11-21T05:00:00Z";

/** An emitter whose batches are kept, and whose writer waits where the test wants it to. */
function openEmitter(bufferBytes?: number, retryMs?: number) {
  const clock = new ManualClock(Date.UTC(2026, 10, 21));
  const batches: string[] = [];
  const drops: [number, string][] = [];
  const writer = { gate: Promise.resolve() as Promise<void> };
  const emitter = createBufferedEmitter({
    clock,
    random: seededRandom(1),
    write: async ({ bytes }) => {
      await writer.gate;
      batches.push(Buffer.from(bytes).toString());
    },
    onDrop: (count, reason) => drops.push([count, reason]),
    ...(bufferBytes !== undefined && { bufferBytes }),
    ...(retryMs !== undefined && { retryMs }),
  });
  const lines = () => batches.join("").split("\n").slice(0, -1);
  return { emitter, clock, batches, drops, writer, lines };
}

test("an event arrives as one line of JSON, with an id and a time where it had none", async () => {
  const { emitter, lines } = openEmitter();

  emitter.emit({ kind: "test.happened", data: "é 😀" });
  emitter.emit({ id: "e-2", kind: "test.happened", time, data: "a\nb" });
  await emitter.flush();

  const [first, second] = lines();
  expect(JSON.parse(first ?? "")).toEqual({
    id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7/),
    time: "2026-11-21T00:00:00.000Z",
    kind: "test.happened",
    data: "é 😀",
  });
  expect(second).toBe(JSON.stringify({ id: "e-2", kind: "test.happened", time, data: "a\nb" }));
});

test("a complete end gets the id that is derived from its run", async () => {
  const { emitter, lines } = openEmitter();

  emitter.emit({ kind: "run.ended", runId: "r", run: { type: "llm", startTime: time, status: "ok" } });
  await emitter.flush();

  expect(JSON.parse(lines()[0] ?? "")).toMatchObject({ id: endId("r") });
});

test("whichever of id and time an event has stays, and it gets the other", async () => {
  const { emitter, lines } = openEmitter();
  const nanoTime = "2026-11-21T05:00:00.123456789Z";

  emitter.emit({ id: "e-1", kind: "a" });
  emitter.emit({ kind: "b", time: nanoTime });
  emitter.emit({ kind: "run.started", runId: "r", run: { type: "llm", startTime: nanoTime } });
  emitter.emit({ kind: "c" });
  await emitter.flush();

  const [first, second, third, fourth] = lines().map((line) => JSON.parse(line));
  expect(first).toEqual({ id: "e-1", time: "2026-11-21T00:00:00.000Z", kind: "a" });
  expect(second).toMatchObject({ kind: "b", time: nanoTime });
  expect(third).toMatchObject({ kind: "run.started", time: nanoTime });
  expect(fourth).toMatchObject({ kind: "c", time: "2026-11-21T00:00:00.000Z" });
  expect([second.id, third.id, fourth.id]).toEqual([...new Set([second.id, third.id, fourth.id])].sort());
});

test("any text arrives whole, whatever the size of the buffer it met", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: "binary", maxLength: 300 })), async (texts) => {
      const { emitter, lines } = openEmitter();
      const events = texts.map((data, index) => ({ id: `e-${index}`, kind: "k", time, data }));

      for (const event of events) emitter.emit(event);
      await emitter.close();

      const whole = events.map((event) => ({ ...event, data: event.data.toWellFormed() }));
      expect(lines()).toEqual(whole.map((event) => JSON.stringify(event)));
    }),
  );
});

test("events wait for company, but not long", async () => {
  const { emitter, clock, batches } = openEmitter();

  emitter.emit({ kind: "a" });
  emitter.emit({ kind: "b" });
  await clock.advance(99);
  const early = batches.length;
  await clock.advance(1);

  expect(early).toBe(0);
  expect(batches).toHaveLength(1);
  await emitter.close();
  expect(clock.timers).toBe(0);
});

test("when both buffers are full an event is dropped and said so, and room comes back", async () => {
  const { emitter, writer, drops, lines } = openEmitter(1_000);
  const gate = Promise.withResolvers<void>();
  writer.gate = gate.promise;
  const event = (id: string) => ({ id, kind: "k", time, data: "x".repeat(400) });

  emitter.emit(event("e-1"));
  const flushed = emitter.flush();
  for (const id of ["e-2", "e-3", "e-4"]) emitter.emit(event(id));
  gate.resolve();
  await flushed;
  emitter.emit(event("e-5"));
  await emitter.close();

  expect(drops).toEqual([[1, "buffer_full"]]);
  expect(lines().map((line) => JSON.parse(line).id)).toEqual(["e-1", "e-2", "e-3", "e-5"]);
});

test("what JSON cannot write arrives as a tag, and only a broken envelope is a drop", async () => {
  const { emitter, drops, lines } = openEmitter();
  const cycle: Record<string, unknown> = { id: "e-2", kind: "k", time };
  cycle["self"] = cycle;
  const throws = {
    get kind(): string {
      throw new Error("no");
    },
  };

  emitter.emit({ id: "e-1", kind: "k", time, big: 1n });
  emitter.emit({ kind: "k", ...cycle });
  emitter.emit(cycle as IncomingEvent);
  emitter.emit(throws);
  emitter.emit({ kind: "k", toJSON: () => "text" });
  emitter.emit({ kind: "" });
  await emitter.close();
  emitter.emit({ kind: "late" });

  expect(drops.map(([, reason]) => reason)).toEqual(["invalid", "invalid", "invalid", "closed"]);
  expect(lines().map((line) => JSON.parse(line))).toEqual([
    { id: "e-1", kind: "k", time, big: "[BigInt: 1]" },
    { id: "e-2", kind: "k", time, self: { id: "e-2", kind: "k", time, self: "[Circular]" } },
    { id: "e-2", kind: "k", time, self: "[Circular]" },
  ]);
});

test("an event that is emitted while another is read is dropped, and the other arrives whole", async () => {
  const { emitter, drops, lines } = openEmitter();
  const noisy = {
    toJSON() {
      emitter.emit({ kind: "inner" });
      return "quiet";
    },
  };

  emitter.emit({ id: "e-1", kind: "k", time, data: noisy as unknown as string });
  await emitter.flush();

  expect(drops).toEqual([[1, "invalid"]]);
  expect(lines()).toEqual([JSON.stringify({ id: "e-1", kind: "k", time, data: "quiet" })]);
});

test("with a retry a rejected batch is kept, goes again in time, and first", async () => {
  const { emitter, clock, writer, drops, lines } = openEmitter(undefined, 1_000);
  writer.gate = Promise.reject(new Error("disk full"));

  emitter.emit({ id: "e-1", kind: "k", time });
  await emitter.flush();
  emitter.emit({ id: "e-2", kind: "k", time });
  writer.gate = Promise.resolve();
  await clock.advance(999);
  const early = lines().length;
  await clock.advance(1);

  expect(early).toBe(0);
  expect(lines().map((line) => JSON.parse(line).id)).toEqual(["e-1", "e-2"]);
  expect(drops).toEqual([]);
  await emitter.close();
  expect(clock.timers).toBe(0);
});

test("what a writer never takes is dropped by its exact count, at close (T73)", async () => {
  const { emitter, writer, drops } = openEmitter(1_000, 1_000);
  writer.gate = Promise.reject(new Error("disk full"));

  for (let count = 0; count < 10; count++) emitter.emit({ kind: "k", time, data: "x".repeat(300) });
  await emitter.flush();
  for (let count = 0; count < 10; count++) emitter.emit({ kind: "k", time, data: "x".repeat(300) });
  await emitter.close();
  await emitter.close();

  const counts = (reason: string) =>
    drops.filter((drop) => drop[1] === reason).reduce((sum, [count]) => sum + count, 0);
  expect(counts("buffer_full") + counts("write_failed")).toBe(20);
  expect(counts("write_failed")).toBe(4);
});

test("of a batch that was written in part only the rest is told or tried again", async () => {
  const { emitter, clock, writer, drops, batches, lines } = openEmitter(undefined, 1_000);
  writer.gate = Promise.reject(new BatchError(new Error("disk full"), 2));

  for (const id of ["e-1", "e-2", "e-3"]) emitter.emit({ id, kind: "k", time });
  await emitter.flush();
  writer.gate = Promise.resolve();
  await clock.advance(1_000);
  const again = lines().map((line) => JSON.parse(line).id);
  writer.gate = Promise.reject(new BatchError(new Error("not mine"), 1, false));
  for (const id of ["e-4", "e-5"]) emitter.emit({ id, kind: "k", time });
  await emitter.close();

  expect(again).toEqual(["e-3"]);
  expect(batches).toHaveLength(1);
  expect(drops).toEqual([[1, "refused"]]);
});

test("a batch that the writer refuses is dropped by its count, and the next one is written", async () => {
  const { emitter, writer, drops, lines } = openEmitter();

  writer.gate = Promise.reject(new Error("gone"));
  emitter.emit({ kind: "a" });
  emitter.emit({ kind: "b" });
  await emitter.flush();
  writer.gate = Promise.resolve();
  emitter.emit({ id: "e-3", kind: "c", time });
  await emitter.flush();

  expect(drops).toEqual([[2, "write_failed"]]);
  expect(lines()).toHaveLength(1);
});

test("a flush ends when its signal aborts, whatever the writer does", async () => {
  const { emitter, writer } = openEmitter();
  writer.gate = new Promise(() => {});
  const abort = new AbortController();

  emitter.emit({ kind: "a" });
  const flushed = emitter.flush(abort.signal);
  abort.abort();

  await expect(flushed).resolves.toBeUndefined();
});

test("an application needs to bring nothing but a writer", async () => {
  const lines: string[] = [];
  const emitter = createBufferedEmitter({
    write: async ({ bytes }) => void lines.push(Buffer.from(bytes).toString()),
  });

  emitter.emit({ kind: "test.happened" });
  await emitter.close();

  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ kind: "test.happened" }]);
});
