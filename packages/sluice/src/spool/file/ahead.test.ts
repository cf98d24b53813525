import { expect, test } from "vitest";
import { ahead } from "./ahead.ts";

const items = Array.from({ length: 50 }, (_, index) => index);

test("results come in order, whichever is there first, and only a few are on their way", async () => {
  const results: number[] = [];
  let running = 0;
  let most = 0;

  for await (const result of ahead(items, async (item) => {
    most = Math.max(most, ++running);
    for (let turns = (item * 7) % 5; turns > 0; turns--) await Promise.resolve();
    running--;
    return item;
  })) {
    results.push(result);
  }

  expect(results).toEqual(items);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(8);
});

test("what was begun and is not wanted any more is released, after a failure as after an early end", async () => {
  const held = new Set<number>();
  const start = async (item: number) => {
    if (item === 5) throw new Error("cannot be read");
    held.add(item);
    return item;
  };
  const release = async (item: number) => void held.delete(item);
  const takeAll = async (until: number) => {
    for await (const item of ahead(items, start, release)) {
      held.delete(item);
      if (item === until) return;
    }
  };

  await expect(takeAll(49)).rejects.toThrow("cannot be read");
  expect(held.size).toBe(0);
  await takeAll(2);
  expect(held.size).toBe(0);
});
