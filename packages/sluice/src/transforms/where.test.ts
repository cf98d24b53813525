import type { Event } from "@sluice/sdk";
import { expect, test } from "vitest";
import { createWhere, problemOf } from "./where.ts";

const event: Event = {
  id: "1",
  kind: "run.ended",
  time: "2026-01-01T00:00:00Z",
  tags: ["beta"],
  metadata: { plan: "free", seats: 3 },
  run: { type: "llm", request: { model: "gpt-4o" }, usage: { output: 1_200, source: "provider" } },
};

test.each([
  ['event.kind == "run.ended" && event.run.usage.output > 1000', true],
  ["event.run.usage.output > 1200", false],
  ['"beta" in event.tags', true],
  ['event.tags.exists(tag, tag.startsWith("b"))', true],
  ["event.metadata.seats == 3", true],
  ['event.run.?request.?model.orValue("").startsWith("gpt-")', true],
  ['event.run.error.message == "x"', false],
  ["has(event.run.error)", false],
  ["!has(event.run.error)", true],
  ["event.metadata.plan", false],
])("%s is %s", (expression, holds) => {
  expect(problemOf(expression)).toBeUndefined();
  expect(createWhere(expression)(event)).toBe(holds);
});

test.each([
  ["event.kind ==", "Unexpected token: EOF"],
  ['evnt.kind == "x"', "Unknown variable: evnt"],
  ["event.kind + 1 == 2 && size([1])", "bool"],
  ["1 + 1", "it is of type int, not bool"],
])("%s is no condition: %s", (expression, problem) => {
  expect(problemOf(expression)).toContain(problem);
});
