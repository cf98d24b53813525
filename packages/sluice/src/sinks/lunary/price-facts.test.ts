import { expect, test } from "vitest";
import { ended, RUN, setUp } from "./rig.test-support.ts";

test("what a run cost, and what its price depends on and Lunary has no column for, stands in the metadata", async () => {
  const { server, send } = await setUp();
  const counts = { input: 1, cacheRead: 2, cacheWrite5m: 3, cacheWrite1h: 4, audioInput: 5 };
  const usage = { ...counts, output: 6, reasoning: 7, audioOutput: 8, source: "counted" } as const;
  const cost = { totalUsd: 0.25, prices: "table", isEstimate: true } as const;
  const response = { model: "claude-sonnet-4-5-20250929" };

  await send(ended(RUN, { provider: "anthropic", name: "claude-sonnet-4-5", usage, cost, response }));

  const row = server.runs.get(RUN);
  expect(row).toMatchObject({ promptTokens: 15, completionTokens: 21, promptCached: 2 });
  expect(row?.metadata).toEqual({
    ...{ provider: "anthropic", model: "claude-sonnet-4-5-20250929", usageSource: "counted" },
    ...{ cacheWrite5mTokens: 3, cacheWrite1hTokens: 4, audioInputTokens: 5 },
    ...{ reasoningTokens: 7, audioOutputTokens: 8 },
    ...{ costUsd: 0.25, costIsEstimate: true },
  });
});

test("a cost that nobody knows is absent and never 0, and metadata of one's own wins", async () => {
  const { server, send } = await setUp();
  const usage = { input: 1, output: 2, reasoning: 0, audioInput: 0, source: "provider" } as const;

  await send(ended(RUN, { usage }, { metadata: { provider: "our gateway" } }));

  expect(server.runs.get(RUN)?.metadata).toEqual({ provider: "our gateway" });
});

test("runs that call no model have none of it", async () => {
  const { server, send } = await setUp();

  await send(ended(RUN, { type: "agent", cost: { totalUsd: 1, prices: "sender" } }));

  expect(server.runs.get(RUN)?.metadata).toEqual({});
});
