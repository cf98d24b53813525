import { expect, test } from "vitest";
import { filtered, mapped } from "./filtered.ts";
import { createMemoryEmitter } from "./memory.ts";

const thrower = (): never => {
  throw new Error("mistake");
};

test("only events that the predicate wants arrive, and it is no drop that others do not", async () => {
  const memory = createMemoryEmitter();
  const drops: unknown[] = [];
  const emitter = filtered(({ kind }) => kind.startsWith("run."), memory, {
    onDrop: (...drop) => drops.push(drop),
  });

  emitter.emit({ kind: "run.scored", runId: "r", data: 1 });
  emitter.emit({ kind: "cache.hit" });
  await emitter.flush();
  await emitter.close();

  expect(memory.events.map(({ kind }) => kind)).toEqual(["run.scored"]);
  expect(drops).toEqual([]);
  expect(memory.isClosed).toBe(true);
});

test("events arrive as the transform makes them, or not at all", () => {
  const memory = createMemoryEmitter();
  const emitter = mapped(
    (event) => (event.kind === "secret" ? undefined : { ...event, tags: ["prod"] }),
    memory,
  );

  emitter.emit({ id: "e-1", kind: "k" });
  emitter.emit({ id: "e-2", kind: "secret" });

  expect(memory.events).toMatchObject([{ id: "e-1", tags: ["prod"] }]);
});

test("a function that throws costs its event, is told, and nobody else hears of it", () => {
  const memory = createMemoryEmitter();
  const drops: unknown[] = [];
  const options = { onDrop: (...drop: unknown[]) => drops.push(drop) };

  filtered(thrower, memory, options).emit({ kind: "a" });
  mapped(thrower, memory, options).emit({ kind: "b" });
  mapped(thrower, memory).emit({ kind: "c" });

  expect(drops).toEqual([
    [1, "threw", "mistake"],
    [1, "threw", "mistake"],
  ]);
  expect(memory.events).toEqual([]);
});
