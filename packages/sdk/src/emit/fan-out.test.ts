import { expect, test } from "vitest";
import { endId, type IncomingEvent } from "../event/validate.ts";
import type { Emitter } from "./emitter.ts";
import { fanOut } from "./fan-out.ts";
import { createMemoryEmitter } from "./memory.ts";

const broken: Emitter = {
  emit() {
    throw new Error("broken");
  },
  flush: () => Promise.reject(new Error("broken")),
  close() {
    throw new Error("broken");
  },
};

test("each event reaches all emitters, and one that fails takes nothing from the others", async () => {
  const [first, last] = [createMemoryEmitter(), createMemoryEmitter()];
  const drops: unknown[] = [];
  const emitter = fanOut([first, broken, last], { onDrop: (...drop) => drops.push(drop) });

  emitter.emit({ id: "e-1", kind: "k" });
  await emitter.flush();
  await emitter.close();
  emitter.emit({ id: "e-2", kind: "k" });

  expect(first.events.map(({ id }) => id)).toEqual(["e-1"]);
  expect(last.events.map(({ id }) => id)).toEqual(["e-1"]);
  expect(drops).toEqual([
    [1, "threw", "broken"],
    [1, "threw", "broken"],
  ]);
});

test("an event that lacks its id or its time is the same one wherever it arrives", () => {
  const [first, last] = [createMemoryEmitter(), createMemoryEmitter()];
  const emitter = fanOut([first, last]);
  const run = { type: "llm", startTime: "2026-11-21T05:00:00Z" };

  emitter.emit({ kind: "order.placed" });
  emitter.emit({ id: "e-2", kind: "order.placed" });
  emitter.emit({ kind: "run.started", runId: "r", run });
  emitter.emit({ kind: "run.ended", runId: "r", run: { ...run, status: "ok" } });

  expect(first.events).toEqual(last.events);
  expect(first.events.map(({ id }) => id).slice(1)).toEqual(["e-2", expect.any(String), endId("r")]);
  expect(first.events[2]).toMatchObject({ time: run.startTime });
});

test("an event that cannot be read is each emitter's to refuse, and none throws", () => {
  const drops: unknown[] = [];
  const memory = () => createMemoryEmitter({ onDrop: (_count, reason) => drops.push(reason) });
  const hostile: IncomingEvent = {
    get kind(): string {
      throw new Error("no");
    },
  };
  const nothing = undefined as unknown as IncomingEvent;

  const emitter = fanOut([memory(), memory()]);
  emitter.emit(hostile);
  emitter.emit(nothing);

  expect(drops).toEqual(["invalid", "invalid", "invalid", "invalid"]);
});
