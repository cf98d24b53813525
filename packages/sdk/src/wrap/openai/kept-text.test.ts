import fc from "fast-check";
import { expect, test } from "vitest";
import { KeptText } from "./kept-text.ts";

test("the beginning is kept up to the limit, and the end of what is longer", () => {
  const max = 50;

  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 30 })), (pieces) => {
      const kept = new KeptText(max);
      for (const piece of pieces) kept.add(piece);
      const whole = pieces.join("");

      expect(kept.text()).toBe(whole.slice(0, max));
      if (whole.length <= max) expect(kept.tail()).toBeUndefined();
      else expect(whole.endsWith(kept.tail() ?? "none")).toBe(true);
    }),
  );
});

test("a tail is no longer than what usage needs", () => {
  const kept = new KeptText(10);

  for (let piece = 0; piece < 100; piece++) kept.add("x".repeat(4_096));
  kept.add("the end");

  expect(kept.text()).toHaveLength(10);
  expect(kept.tail()).toHaveLength(64 * 1024);
  expect(kept.tail()?.endsWith("the end")).toBe(true);
});
