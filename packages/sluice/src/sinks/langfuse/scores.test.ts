import type { Json } from "@sluice/sdk";
import { expect, test } from "vitest";
import { scoreRule } from "../../testing/langfuse/score-rules.ts";
import { scored, TRACE } from "./langfuse.test-support.ts";
import { scoresOf } from "./scores.ts";

const PLACE = { traceId: TRACE, observationId: "r" };
const DATA: readonly (readonly [what: string, data: Json, value: number | string, dataType: string])[] = [
  ["yes", true, 1, "BOOLEAN"],
  ["no", false, 0, "BOOLEAN"],
  ["a number", 0.5, 0.5, "NUMERIC"],
  ["a text", "good", "good", "CATEGORICAL"],
  ["a name and a value", { name: "tone", value: "warm", sessionId: "s" }, "warm", "CATEGORICAL"],
  ["a text of 501 characters", "x".repeat(501), "x".repeat(501), "CATEGORICAL"],
];

test.each(DATA)("%s is a score that Langfuse takes, which refuses `true` for 1", (_, data, value) => {
  const [score] = scoresOf(scored("r", data), PLACE);

  expect(score).toMatchObject({ value });
  expect(scoreRule(score)).toHaveProperty("fields");
});

test.each(DATA)("the score of %s says its dataType: without one, Langfuse's zod 4.6 refuses it", (...row) => {
  const [, data, , dataType] = row;

  expect(scoresOf(scored("r", data), PLACE)).toMatchObject([{ dataType }]);
});

test("a score has exactly one place, its trace, and an id of ours, without which each try is a new one", () => {
  const event = scored("r", { name: "n", value: 1 }, { session: { id: "s" } });

  const [first, again] = [scoresOf(event, PLACE)[0], scoresOf(event, PLACE)[0]];

  expect(first).toMatchObject(PLACE);
  expect(first).not.toHaveProperty("sessionId");
  expect(first?.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(again).toEqual(first);
});
