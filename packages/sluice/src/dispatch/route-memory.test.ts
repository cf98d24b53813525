import { expect, test } from "vitest";
import { LargeTurns, shareMemory } from "./route-memory.ts";

const MIB = 2 ** 20;

test.each([1, 2, 10, 64])("%d routes read ahead no more than 32 MiB together (P5)", (routes) => {
  const { readAheadBytes, largeBytes } = shareMemory(routes);

  expect(routes * readAheadBytes).toBeLessThanOrEqual(32 * MIB);
  expect(readAheadBytes).toBeLessThanOrEqual(16 * MIB);
  expect(largeBytes).toBeLessThanOrEqual(readAheadBytes / 4);
});

test("large events take turns: first come, first served, as long as there is room", async () => {
  const turns = new LargeTurns(10);
  const entered: string[] = [];
  const take = async (name: string, bytes: number) => {
    const leave = await turns.take(bytes);
    entered.push(name);
    return leave;
  };

  const [leaveA, leaveB] = await Promise.all([take("a", 6), take("b", 4)]);
  const c = take("c", 6);
  const d = take("d", 1);
  leaveB();
  await Promise.resolve();
  expect(entered).toEqual(["a", "b"]);

  leaveA();
  const [leaveC, leaveD] = await Promise.all([c, d]);
  expect(entered).toEqual(["a", "b", "c", "d"]);
  const huge = take("huge", 100);
  leaveC();
  leaveD();
  (await huge)();
  expect(entered.at(-1)).toBe("huge");
});
