import fc from "fast-check";
import { expect, test } from "vitest";
import { sizeOf } from "./item-size.ts";
import { Ring } from "./ring.ts";

const textLength = fc.integer({ min: 0, max: 300 });
const steps = fc.array(fc.oneof(textLength, fc.constant("evict" as const)), { maxLength: 200 });

test("a ring holds what a list would, wherever it wraps and however it grows", () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(200, 2_000, 20_000), (drawn, maxBytes) => {
      const ring = new Ring<{ readonly data: { readonly text: string } }>(maxBytes);
      let list: { readonly data: { readonly text: string } }[] = [];
      for (const step of drawn) {
        if (step !== "evict") {
          const item = { data: { text: "x".repeat(step) } };
          const sizeBytes = list.reduce((sum, held) => sum + sizeOf(held), sizeOf(item));
          expect(ring.fits(sizeOf(item))).toBe(sizeBytes <= maxBytes);
          ring.push(item, sizeOf(item));
          list.push(item);
        } else if (list.length > 0) {
          ring.evict();
          list = list.slice(1);
        }
      }

      expect(ring.length).toBe(list.length);
      expect(list.map((_, index) => ring.at(ring.first + index))).toEqual(list);
      for (let seq = ring.first; seq <= ring.last; seq++) {
        expect(ring.since(seq)).toEqual(list.slice(seq - ring.first));
      }
    }),
  );
});

test("an event that changes after it was sent leaves with the size it came with", () => {
  const ring = new Ring<{ data: { text: string } }>(1_000);
  const isSumNeeded = !ring.fits(1_001);
  for (let count = 0; count < 100; count++) {
    const item = { data: { text: "x".repeat(500) } };
    ring.fits(sizeOf(item));
    ring.push(item, sizeOf(item));
    item.data.text = "";
    ring.evict();
  }

  expect([isSumNeeded, ring.fits(1_000), ring.fits(1_001)]).toEqual([true, true, false]);
});
