import { seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { createPlan, FAULT_WORDS, parseFault } from "./faults.ts";

const RANDOM = seededRandom(7);

test("a fault without a when meets every request", () => {
  expect(planned(3, "reset")).toEqual(["reset", "reset", "reset"]);
});

test("every-3 meets each third request and first-2 the first two", () => {
  expect(planned(6, "lie:every-3")).toEqual([undefined, undefined, "lie", undefined, undefined, "lie"]);
  expect(planned(4, "html:first-2")).toEqual(["html", "html", undefined, undefined]);
});

test("the first fault that is due wins", () => {
  expect(planned(4, "503:every-2", "reset:first-3")).toMatchObject(["reset", { status: 503 }, "reset", {}]);
});

test("by chance one in ten is one in ten, and the same ones again with the same seed", () => {
  const faults = [parseFault("503:10%")];
  const draw = () => {
    const next = createPlan(faults, seededRandom(3));
    return Array.from({ length: 2_000 }, () => next() !== undefined);
  };

  const first = draw();

  expect(first.filter(Boolean).length).toBeGreaterThan(150);
  expect(first.filter(Boolean).length).toBeLessThan(250);
  expect(draw()).toEqual(first);
});

test("a status that asks for patience says for how long", () => {
  expect(parseFault("429").step).toMatchObject({ status: 429, headers: { "retry-after": "1" } });
  expect(parseFault("404").step).toMatchObject({ status: 404, headers: {} });
});

test("a name is known in any case, and timeout is what the client calls a hang", () => {
  expect(parseFault("LOSEANSWER").step).toBe("loseAnswer");
  expect(parseFault("timeout").step).toBe("hang");
});

test("every word of the help is a fault", () => {
  for (const [word] of FAULT_WORDS) expect(() => parseFault(word)).not.toThrow();
});

test.each([
  ["loseAnwser", /Did you mean "loseAnswer"\?/],
  ["100", /200 or more/],
  ["600", /There is no fault "600"/],
  ["503:sometimes", /Write 10% \(by chance\), every-5 \(each fifth\) or first-3/],
  ["503:120%", /says nothing about when/],
  ["503:every-0", /says nothing about when/],
  ["503:10%:first-3", /WHAT:WHEN/],
])("%s is refused with what to write instead", (words, sentence) => {
  expect(() => parseFault(words)).toThrow(sentence);
});

function planned(requests: number, ...words: readonly string[]): readonly unknown[] {
  const next = createPlan(words.map(parseFault), RANDOM);
  return Array.from({ length: requests }, () => next()?.step);
}
