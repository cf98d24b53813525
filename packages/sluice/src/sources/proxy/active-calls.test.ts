import { expect, test } from "vitest";
import { ActiveCalls } from "./active-calls.ts";

test("places are used again, and a call that has left is not looked at any more", () => {
  const active = new ActiveCalls<{ place: number; name: string }>();
  const [first, second, third] = ["first", "second", "third"].map((name) => ({ place: -1, name }));
  if (first === undefined || second === undefined || third === undefined) throw new Error("three are made");
  active.add(first);
  active.add(second);

  active.remove(first);
  active.remove(first);
  active.add(third);

  const names: string[] = [];
  active.each(({ name }) => names.push(name));
  expect(names).toEqual(["third", "second"]);
  expect(third.place).toBe(0);
  expect(active.size).toBe(2);
});

test("a look may end the calls it is shown", () => {
  const active = new ActiveCalls<{ place: number }>();
  for (let count = 0; count < 3; count++) active.add({ place: -1 });

  active.each((call) => active.remove(call));

  expect(active.size).toBe(0);
});
