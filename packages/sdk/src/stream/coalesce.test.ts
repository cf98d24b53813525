import { expect, test } from "vitest";
import { joinDeltas } from "./coalesce.ts";
import { Ring } from "./ring.ts";

const timestamp = "2026-01-01T00:00:00.000Z";
const delta = (text: string, more: object = {}) => ({
  type: "TextDelta",
  data: { text, ...more },
  timestamp,
});

function joined(...items: readonly object[]) {
  const ring = new Ring<object>();
  for (const item of items) ring.push(item, 1);
  return joinDeltas(ring, 1);
}

test("adjacent pieces of a text become one, with the seqs and the time stamp of the first", () => {
  const later = { ...delta("c"), timestamp: "2026-01-01T00:00:01.000Z" };

  const { item, seq } = joined(delta("a"), delta("b"), later, { type: "MessageStop", data: {}, timestamp });

  expect(item).toEqual({ type: "TextDelta", data: { text: "abc" }, timestamp, fromSeq: 1, seq: 3 });
  expect(seq).toBe(3);
});

test("thoughts are joined as text is", () => {
  const thought = (thinking: string) => ({ type: "Thinking", data: { thinking }, timestamp });

  expect(joined(thought("a"), thought("b")).item).toMatchObject({
    data: { thinking: "ab" },
    fromSeq: 1,
    seq: 2,
  });
});

test.each([
  ["another type", delta("a"), { ...delta("b"), type: "Refusal" }],
  ["another block", delta("a", { index: 0 }), delta("b", { index: 1 })],
  ["a block and none", delta("a"), delta("b", { index: 0 })],
  ["something else in data", delta("a"), delta("b", { logprobs: null })],
  ["something else beside data", delta("a"), { ...delta("b"), id: "x" }],
  ["a thought", delta("a"), { type: "TextDelta", data: { thinking: "b" }, timestamp }],
  ["a text that is none", delta("a"), { type: "TextDelta", data: { text: 1 }, timestamp }],
  ["no data", delta("a"), { type: "TextDelta" }],
])("%s is not joined", (_, first, second) => {
  expect(joined(first, second)).toEqual({ item: first, seq: 1 });
});
