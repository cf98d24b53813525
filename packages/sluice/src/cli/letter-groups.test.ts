import { expect, test } from "vitest";
import { createLetterGroups } from "./letter-groups.ts";

const letter = (offset: number, words: string) => ({
  ...{ offset, count: 1, reason: "rejected" as const, words },
  at: `2026-01-01T00:00:0${offset}.000Z`,
});

test("letters that say the same are one line, with its numbers", () => {
  const groups = createLetterGroups();
  groups.add(letter(1, "HTTP 400: wire type 7"));
  groups.add(letter(2, "HTTP 400: wire type 7"));

  expect(groups.lines("traces")).toEqual([
    "traces  2 × rejected: HTTP 400: wire type 7  (2026-01-01T00:00:01.000Z … 2026-01-01T00:00:02.000Z, as 1)",
  ]);
});

test("letters that differ in a number or an id are one line without it", () => {
  const groups = createLetterGroups();
  groups.add(letter(1, "no run 3c1f1c66-0f6b-4a52-9a0f-9a1f6f1f4c02"));
  groups.add(letter(2, "no run 8a1f7c1e-52a4-4c55-9a4c-6c1f0f5d7b11"));
  groups.add(letter(3, "full"));

  expect(groups.lines("lunary")).toEqual([
    expect.stringMatching(/^lunary {2}2 × rejected: no run … {2}\(/),
    "lunary  1 × rejected: full  (2026-01-01T00:00:03.000Z, as 3)",
  ]);
});
