import { expect, test } from "vitest";
import { failureOf, isOfOneRow, Unusable } from "./failure.ts";

const sqlite = (errcode: number) => Object.assign(new Error("said by SQLite"), { errcode });
const system = (code: string) => Object.assign(new Error(`${code}: said by the system`), { code });

test.each([
  [5, "retry"],
  [6, "retry"],
  [7, "retry"],
  [10, "retry"],
  [10 | (4 << 8), "retry"],
  [13, "retry"],
  [1, "blocked"],
  [8, "blocked"],
  [8 | (5 << 8), "blocked"],
  [11, "blocked"],
  [14, "blocked"],
  [26, "blocked"],
])("SQLite's result %i means %s", (errcode, status) => {
  expect(failureOf(sqlite(errcode)).status).toBe(status);
});

test.each([
  ["ENOSPC", "retry"],
  ["EMFILE", "retry"],
  ["EIO", "retry"],
  ["EACCES", "blocked"],
  ["EROFS", "blocked"],
  ["ENOTDIR", "blocked"],
])("%s of the system means %s", (code, status) => {
  expect(failureOf(system(code)).status).toBe(status);
});

test("a sentence of ours blocks with exactly that sentence", () => {
  expect(failureOf(new Unusable("Mend me."))).toEqual({ status: "blocked", reason: "Mend me." });
});

test("only what is too big, or against a constraint, is the fault of one row", () => {
  expect([18, 19, 20, 19 | (8 << 8), 13, 11].map((code) => isOfOneRow(sqlite(code)))).toEqual([
    ...[true, true, true, true, false, false],
  ]);
});
