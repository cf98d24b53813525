import { expect, test } from "vitest";
import { HeldBytes, KeptBytes } from "./kept-bytes.ts";

const MIB = 2 ** 20;

test("captures together hold no more than their share, and give all of it back (P5)", () => {
  const held = new HeldBytes();
  const sides = Array.from({ length: 20 }, () => new KeptBytes(held, 2 * MIB));

  for (const side of sides) side.add(Buffer.alloc(2 * MIB));
  expect(held.isUsedUp).toBe(true);
  expect(sides.filter(({ isCut }) => isCut).length).toBe(8);
  expect(sides.at(-1)?.tail()).toBe("");

  for (const side of sides) side.release();
  expect(held.isUsedUp).toBe(false);
  expect(held.take(24 * MIB)).toBe(true);
});

test("the last bytes of a long side are counted too, and given back as they pass (P5)", () => {
  const held = new HeldBytes();
  const side = new KeptBytes(held, 10);

  for (let chunk = 0; chunk < 100; chunk++) side.add(Buffer.alloc(32 * 1024, "x"));
  expect(side.tail()?.length).toBe(64 * 1024);
  side.release();

  expect(held.take(24 * MIB)).toBe(true);
});
