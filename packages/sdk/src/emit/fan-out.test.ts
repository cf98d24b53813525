import { expect, test } from "vitest";
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
