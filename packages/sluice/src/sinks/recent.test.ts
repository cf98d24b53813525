import { expect, test } from "vitest";
import { createRecent } from "./recent.ts";

test("the latest are remembered, up to as many as were asked for, and the oldest are forgotten", () => {
  const recent = createRecent<number>(100);

  for (let number = 0; number < 1_050; number++) recent.set(`id ${number}`, number);

  expect(recent.get("id 950")).toBe(950);
  expect(recent.get("id 1049")).toBe(1_049);
  expect(recent.get("id 849")).toBeUndefined();
});

test("an entry that comes again is one of the latest, with its new value", () => {
  const recent = createRecent<string>(10);

  for (let number = 0; number < 100; number++) {
    recent.set("again", `${number}`);
    recent.set(`${number}`, "other");
  }

  expect(recent.get("again")).toBe("99");
});

test("what was deleted is not there, however long ago it came", () => {
  const recent = createRecent<boolean>(2);
  for (const id of ["a", "b", "c"]) recent.set(id, true);

  for (const id of ["a", "b", "c"]) recent.delete(id);

  expect(["a", "b", "c"].map((id) => recent.get(id))).toEqual([undefined, undefined, undefined]);
});
