import fc from "fast-check";
import { expect, test } from "vitest";
import { snapshot } from "./snapshot.ts";

test("what is changed afterwards is not changed in the copy", () => {
  const messages = [{ role: "user", content: [{ text: "Hi" }] }];
  const copy = snapshot({ messages });

  messages[0]?.content.push({ text: "changed" });
  messages.push({ role: "assistant", content: [] });

  expect(copy).toEqual({ messages: [{ role: "user", content: [{ text: "Hi" }] }] });
});

test("a copy says the same as JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.stringify(snapshot(value))).toBe(JSON.stringify(value));
    }),
  );
});

test("what has a form of its own is shared", () => {
  const date = new Date(0);
  const odd = JSON.parse('{"__proto__":{"a":1}}');

  expect(snapshot({ date }).date).toBe(date);
  expect(snapshot(odd)).toBe(odd);
});

test("a cycle ends", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle, cycle);

  expect(Array.isArray(snapshot(cycle))).toBe(true);
});
