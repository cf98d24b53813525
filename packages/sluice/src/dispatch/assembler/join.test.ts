import type { Event, Run } from "@sluice/sdk";
import { expect, test } from "vitest";
import { reviseRun } from "./join.ts";

const TIME = "2026-01-27T14:30:25.000Z";

function anEnd(run: Partial<Run>): Event {
  return {
    id: "a",
    kind: "run.ended",
    time: TIME,
    runId: "r",
    run: { type: "llm", startTime: TIME, ...run },
  };
}

test("what was counted and priced without its end is forgotten when that comes", () => {
  const closing = anEnd({
    usage: { input: 5, source: "estimated" },
    cost: { totalUsd: 1, prices: "table", isEstimate: true },
  });
  const usage = { input: 100, output: 20, source: "provider" } as const;

  expect(reviseRun(closing, anEnd({ status: "ok" })).run).not.toHaveProperty("usage");
  const revised = reviseRun(closing, anEnd({ status: "ok", usage })).run;
  expect(revised).toMatchObject({ revision: 2, usage });
  expect(revised).not.toHaveProperty("cost");
});

test("what a provider or a sender had said stays", () => {
  const usage = { input: 100, output: 20, source: "provider" } as const;
  const cost = { totalUsd: 7, prices: "sender" } as const;

  expect(reviseRun(anEnd({ usage, cost }), anEnd({ status: "ok" })).run).toMatchObject({ usage, cost });
});
