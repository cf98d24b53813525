import fc from "fast-check";
import { expect, test } from "vitest";
import { OffsetSet } from "./offset-set.ts";

test("an offset set holds what was added and nothing else, in as few ranges as there are", () => {
  const ranges = fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 9 })), { maxLength: 80 });
  fc.assert(
    fc.property(ranges, (adds) => {
      const set = new OffsetSet();
      const model = new Set<number>();

      for (const [from, length] of adds) {
        const offsets = Array.from({ length }, (_, index) => from + index);
        const isNew = !offsets.some((offset) => model.has(offset));
        expect(set.add(from, from + length)).toBe(isNew);
        if (isNew) for (const offset of offsets) model.add(offset);
      }

      const sorted = [...model].sort((a, b) => a - b);
      expect([...set].flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual(
        sorted,
      );
      expect(set.size).toBe(model.size);
      expect(set.ranges).toBe(sorted.filter((offset) => !model.has(offset - 1)).length);
      for (let offset = 0; offset < 220; offset++) expect(set.has(offset)).toBe(model.has(offset));
    }),
  );
});

test("taking from the low end hands over one range and leaves the rest", () => {
  const set = new OffsetSet();
  set.add(5, 8);
  set.add(10, 11);

  expect(set.takeFrom(4)).toBe(4);
  expect(set.takeFrom(5)).toBe(8);

  expect([...set]).toEqual([[10, 11]]);
  expect(set.size).toBe(1);
  expect([set.endOf(10), set.endOf(9), set.nextFrom(9), set.nextFrom(11)]).toEqual([
    11,
    9,
    10,
    Number.POSITIVE_INFINITY,
  ]);
});
