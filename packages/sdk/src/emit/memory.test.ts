import { expect, test } from "vitest";
import { ManualClock } from "../system/manual-clock.ts";
import { createMemoryEmitter } from "./memory.ts";
import { noopEmitter } from "./noop.ts";

test("an event is kept as a backend would get it, whatever happens to the object", () => {
  const emitter = createMemoryEmitter({ clock: new ManualClock(Date.UTC(2026, 10, 21)) });
  const data = { n: 1 };

  emitter.emit({ kind: "k", data, more: 1n });
  data.n = 2;

  expect(emitter.events).toEqual([
    {
      id: expect.any(String),
      time: "2026-11-21T00:00:00.000Z",
      kind: "k",
      data: { n: 1 },
      more: "[BigInt: 1]",
    },
  ]);
});

test("events are forgotten when a test asks, and refused after close", async () => {
  const drops: unknown[] = [];
  const emitter = createMemoryEmitter({ onDrop: (count, reason) => drops.push([count, reason]) });

  emitter.emit({ kind: "a" });
  emitter.clear();
  emitter.emit({ kind: "" });
  await emitter.flush();
  await emitter.close();
  emitter.emit({ kind: "b" });

  expect(emitter.events).toEqual([]);
  expect(drops).toEqual([
    [1, "invalid"],
    [1, "closed"],
  ]);
});

test("the emitter for no telemetry takes everything", async () => {
  noopEmitter.emit({ kind: "k" });

  await expect(Promise.all([noopEmitter.flush(), noopEmitter.close()])).resolves.toBeDefined();
});
