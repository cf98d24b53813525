import type { Run, Usage } from "@sluice/sdk";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { costOf } from "./cost.ts";

const MILLION = 1_000_000;

test("each bucket costs its own price: what the cache had less, what it kept more", () => {
  const usage = { input: 1_000, cacheRead: 10_000, cacheWrite5m: 2_000, cacheWrite1h: 400, output: 100 };

  expect(costOf(run("anthropic", "claude-sonnet-4-5", usage))).toEqual({
    // 3, 0.30, 3.75 and 6 dollars a million; 15 for the answer.
    inputUsd: 0.003 + 0.003 + 0.0075 + 0.0024,
    outputUsd: 0.0015,
    totalUsd: 0.0174,
    prices: "table",
    isEstimate: false,
  });
});

test("thoughts cost as much as the answer where they have no price of their own", () => {
  const thought = costOf(run("openai", "gpt-4o", { input: 100, output: 10, reasoning: 90 }));
  const said = costOf(run("openai", "gpt-4o", { input: 100, output: 100 }));

  expect(thought).toEqual(said);
  expect(said?.totalUsd).toBe(0.00125);
});

test("audio has its own price, also beside what the cache had", () => {
  const usage = { input: 500, cacheRead: 200, audioInput: 300, output: 50, audioOutput: 50 };

  const cost = costOf(run("openai", "gpt-realtime", usage));

  // 4, 0.40 and 32 dollars a million; 16 and 64 for the answer.
  expect(cost).toMatchObject({ inputUsd: 0.01168, outputUsd: 0.004, totalUsd: 0.01568 });
});

test("a long prompt is priced by its tier, and what the cache had makes it long too", () => {
  const short = costOf(run("gcp.gemini", "gemini-2.5-pro", { input: 200_000, output: 1_000 }));
  const long = costOf(
    run("gcp.gemini", "gemini-2.5-pro", { input: 100_000, cacheRead: 200_000, output: 1_000 }),
  );

  expect(short?.totalUsd).toBe(0.26);
  expect(long?.totalUsd).toBe(0.25 + 0.05 + 0.015);
});

test("the prices are those of the day of the run", () => {
  const usage = { input: MILLION, output: MILLION };

  const costs = ["2025-05-01T00:00:00Z", "2025-12-01T00:00:00Z"].map(
    (startTime) => costOf({ ...run("openai", "o3", usage), startTime })?.totalUsd,
  );

  expect(costs).toEqual([50, 10]);
});

test("the model that answered is priced, and the one that was asked for where the table lacks it", () => {
  const usage = { input: MILLION, output: 0 };
  const answered = {
    ...run("azure.ai.openai", "my-deployment", usage),
    response: { model: "gpt-4o-2024-08-06" },
  };
  const unknown = { ...run("openai", "gpt-4o", usage), response: { model: "a-model-of-tomorrow" } };

  expect(costOf(answered)?.totalUsd).toBe(2.5);
  expect(costOf(unknown)?.totalUsd).toBe(2.5);
});

test("what is not known has no cost, and never one of 0", () => {
  const usage = { input: 10, output: 10 };
  const known = run("openai", "gpt-4o", usage);
  const { usage: _usage, ...uncounted } = known;
  const { startTime: _startTime, ...undated } = known;
  const unpriceable: readonly Run[] = [
    ...[uncounted, undated, { ...known, startTime: "yesterday" }],
    ...[run("openai", "a-model-of-tomorrow", usage), run("ollama", "gpt-4o", usage)],
    ...[run("openai", "gpt-4o", { output: 10 }), run("openai", "gpt-4o", { input: 10 })],
    // Priced by the hour and by the picture: the table says 0 to tokens.
    ...[run("openai", "whisper-1", usage), run("openai", "dall-e-3", usage)],
    { ...run("openai", "whisper-1", { input: 10 }), type: "embedding" },
    // It has no price for what it cannot write.
    run("openai", "text-embedding-3-small", usage),
    ...[run("__proto__", "constructor", usage), run("constructor", "gpt-4o", usage)],
  ];

  expect(unpriceable.map((one) => costOf(one))).toEqual(unpriceable.map(() => undefined));
});

test("an embedding costs what was asked", () => {
  const embedding = { ...run("openai", "text-embedding-3-small", { input: MILLION }), type: "embedding" };

  expect(costOf(embedding)?.totalUsd).toBe(0.02);
});

test("a bill by other counts is priced by those, and without a cost where they are missing", () => {
  const raw = { billed_units: { input_tokens: MILLION, output_tokens: MILLION } };
  const usage = { input: 5, output: 5, flags: ["billed"] };

  expect(costOf(run("cohere", "command-r", { ...usage, raw }))).toMatchObject({
    totalUsd: 0.75,
    isEstimate: false,
  });
  expect(costOf(run("cohere", "command-r", usage))).toBeUndefined();
});

test("of usage that contradicts itself or that we counted the cost is an estimate; of a part there is none", () => {
  const of = (more: Partial<Usage>) => costOf(run("openai", "gpt-4o", { input: 10, output: 10, ...more }));

  for (const source of ["counted", "estimated"] as const) expect(of({ source })?.isEstimate).toBe(true);
  for (const flag of ["details", "total"]) expect(of({ flags: [flag] })?.isEstimate).toBe(true);
  for (const flag of ["malformed", "iterations"]) expect(of({ flags: [flag] })).toBeUndefined();
  expect(of({ raw: { service_tier: "batch" } })?.isEstimate).toBe(true);
  expect(of({ raw: { service_tier: "default" } })?.isEstimate).toBe(false);
});

test("an override goes before the table: the latest that is not after the run, for its model and provider", () => {
  const prices = { input: 1, output: 2 };
  const overrides = [
    { model: "gpt-4o", ...prices },
    { model: "gpt-*", from: "2025-07-01", input: 3, output: 2 },
    { model: "gpt-4o", from: "2099-01-01", input: 9, output: 9 },
    { model: "gpt-4o", provider: "azure", input: 8, output: 8 },
    { model: "llama-*", ...prices, cacheRead: 0.5, cacheWrite5m: 1.5, reasoning: 4 },
  ];
  const usage = { input: MILLION, output: MILLION };

  const known = run("openai", "gpt-4o", usage);
  expect(costOf(known, overrides)).toMatchObject({ totalUsd: 5, prices: "override" });
  expect(costOf({ ...known, startTime: "2025-01-01T00:00:00Z" }, overrides)?.totalUsd).toBe(3);

  const cached = {
    input: MILLION,
    cacheRead: MILLION,
    cacheWrite1h: MILLION,
    output: MILLION,
    reasoning: MILLION,
  };
  expect(costOf(run("ollama", "llama-4", cached), overrides)).toMatchObject({ inputUsd: 3, outputUsd: 6 });
});

test("a fee for the call itself is part of the total, each time, and makes it an estimate", () => {
  const costs = [1, 2].map(() => costOf(run("perplexity", "sonar-pro", { input: 1_000, output: 1_000 })));

  const cost = { inputUsd: 0.003, outputUsd: 0.015, totalUsd: 0.032, prices: "table", isEstimate: true };
  expect(costs).toEqual([cost, cost]);
});

test("a call with searches, which are billed besides its tokens, has an estimate", () => {
  const searched = (web_search_requests: number) =>
    costOf(
      run("anthropic", "claude-sonnet-4-5", {
        ...{ input: 10, output: 10 },
        raw: { server_tool_use: { web_search_requests } },
      }),
    );

  expect(searched(0)?.isEstimate).toBe(false);
  expect(searched(2)?.isEstimate).toBe(true);
});

test("any usage that an event may carry has a cost that is no less than 0, or none", () => {
  const count = fc.option(fc.integer({ min: 0, max: 1e12 }), { nil: undefined });
  const buckets = fc.record(
    {
      ...{ input: count, cacheRead: count, cacheWrite5m: count, cacheWrite1h: count },
      ...{ output: count, reasoning: count, audioInput: count, audioOutput: count },
    },
    { requiredKeys: ["input", "output"] },
  );
  const models = [
    ...[
      ["openai", "gpt-4o"],
      ["openai", "gpt-realtime"],
      ["openai", "gpt-5"],
      ["perplexity", "sonar-deep-research"],
    ],
    ...[
      ["anthropic", "claude-sonnet-4-5"],
      ["gcp.gemini", "gemini-2.5-flash"],
      ["deepseek", "deepseek-chat"],
    ],
  ];

  fc.assert(
    fc.property(buckets, fc.constantFrom(...models), (given, [provider, model = ""]) => {
      const known = Object.fromEntries(Object.entries(given).filter(([, tokens]) => tokens !== undefined));
      const cost = costOf(run(provider, model, known));
      const isPriced = Object.keys(known).some((name) => /input|cache/i.test(name)) && "output" in known;
      if (isPriced) expect(cost?.totalUsd).toBeGreaterThanOrEqual(0);
    }),
  );
});

function run(provider: string | undefined, model: string, usage: Partial<Usage>): Run {
  return {
    type: "llm",
    ...(provider !== undefined && { provider }),
    startTime: "2026-01-15T12:00:00.000Z",
    request: { model },
    usage: { source: "provider", ...usage },
  };
}
