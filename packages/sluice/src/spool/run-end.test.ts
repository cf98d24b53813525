import type { Run } from "@sluice/sdk";
import { expect, test } from "vitest";
import { runEndOf } from "./run-end.ts";

const ASKED: Run = { type: "llm", startTime: "2026-11-21T05:00:00Z", request: { model: "m", input: "Hi" } };
const USAGE = { input: 1, output: 1, source: "provider" } as const;
const COST = { totalUsd: 1, prices: "sender" } as const;

test("it has what a price takes, and nothing of what was said", () => {
  const run = { ...ASKED, status: "ok", response: { model: "m-1", output: "Hello!" }, usage: USAGE } as const;

  expect(runEndOf(run)).toEqual({
    ...{ type: "llm", startTime: "2026-11-21T05:00:00Z", status: "ok", usage: USAGE },
    ...{ request: { model: "m" }, response: { model: "m-1" } },
  });
});

test.each([
  ["an agent's run, whose tokens are those of its calls", { ...ASKED, type: "agent", usage: USAGE }],
  ["a tool's run", { ...ASKED, type: "tool", status: "ok" }],
  ["a run that has both", { ...ASKED, status: "ok", usage: USAGE, cost: COST }],
  ["a run that failed before an answer", { ...ASKED, status: "error" }],
  ["a run that nobody ended", { ...ASKED, status: "incomplete" }],
  ["a run without question and answer", { type: "llm", status: "ok" }],
] as const)("there is nothing to add to %s", (_name, run) => {
  expect(runEndOf(run)).toBeUndefined();
});

test.each([
  ["that was cut off in its answer", { ...ASKED, status: "incomplete", response: { output: "Hel" } }],
  ["that failed in its answer", { ...ASKED, status: "error", response: { output: "Hel" } }],
  ["that its caller gave up", { ...ASKED, status: "cancelled" }],
  ["of an embedding, whose vectors are not kept", { ...ASKED, type: "embedding", status: "ok" }],
] as const)("a run %s can be counted", (_name, run) => {
  expect(runEndOf(run)).toMatchObject({ type: run.type });
  expect(runEndOf(run)).not.toHaveProperty("usage");
});
