import { expect, test } from "vitest";
import { refusalSentences } from "./refusal-sentences.ts";

test("lines in a row that were refused for one reason get one sentence", () => {
  const full = "the spool is full";
  const refusals = [
    { number: 1, detail: "This is not JSON." },
    { number: 4, detail: full },
    { number: 5, detail: full },
    { number: 6, detail: full },
    { number: 9, detail: full },
  ];

  expect(refusalSentences(refusals)).toEqual([
    "line 1: This is not JSON.",
    "lines 4 to 6: the spool is full",
    "line 9: the spool is full",
  ]);
  expect(refusalSentences([])).toEqual([]);
});
