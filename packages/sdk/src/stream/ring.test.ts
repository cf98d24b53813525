import fc from "fast-check";
import { expect, test } from "vitest";
import { Ring } from "./ring.ts";

test("a ring holds what a list would, wherever it wraps and however it grows", () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant("evict" as const)), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, (drawn) => {
      const ring = new Ring<{ readonly size: number }>();
      let list: { readonly size: number }[] = [];
      for (const step of drawn) {
        if (step !== "evict") {
          const item = { size: step };
          ring.push(item, step);
          list.push(item);
        } else if (list.length > 0) {
          ring.evict();
          list = list.slice(1);
        }
      }

      expect(ring.length).toBe(list.length);
      expect(ring.sizeBytes).toBe(list.reduce((sum, { size }) => sum + size, 0));
      expect(list.map((_, index) => ring.at(ring.first + index))).toEqual(list);
      for (let seq = ring.first; seq <= ring.last; seq++) {
        expect(ring.since(seq)).toEqual(list.slice(seq - ring.first));
      }
    }),
  );
});
