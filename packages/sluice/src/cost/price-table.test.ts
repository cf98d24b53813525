import { calcPrice, findProvider } from "@pydantic/genai-prices";
import type { Usage } from "@sluice/sdk";
import { expect, test } from "vitest";
import { priceByTable } from "./price-table.ts";

const AT = new Date("2026-06-21T05:00:00.000Z");
const PROVIDERS = ["openai", "anthropic", "google", "azure", "groq", "mistral", "deepseek", "cohere", "x-ai"];
const NAMES = PROVIDERS.flatMap((provider) =>
  (findProvider({ providerId: provider })?.models ?? []).map(({ id }) => [provider, id] as const),
);

/** The table's own calculation, which is not always asked. */
function byTable(provider: string, model: string, usage: Usage) {
  const { input = 0, cacheRead = 0, output = 0, reasoning = 0 } = usage;
  const counts = {
    input_tokens: input + cacheRead,
    cache_read_tokens: cacheRead,
    output_tokens: output + reasoning,
    output_reasoning_tokens: reasoning,
  };
  return calcPrice(counts, model, { providerId: provider, timestamp: AT });
}

test.each([
  ["short", { input: 1_234, output: 567, source: "provider" }],
  ["long", { input: 345_678, output: 9_876, source: "provider" }],
  ["cached", { input: 300_000, cacheRead: 123_456, output: 9, source: "provider" }],
  ["thoughtful", { input: 12, output: 34, reasoning: 5_678, source: "provider" }],
] as const)("a %s run costs for every model of the table what its own calculation says", (_name, usage) => {
  const differ: unknown[] = [];
  let priced = 0;
  for (const [provider, model] of NAMES) {
    // Asked twice: the second time it is known where the model stands.
    const sides = [1, 2].map(() => priceByTable({ provider, model, at: AT, usage }));
    const price = byTable(provider, model, usage);
    for (const side of sides) {
      if (side === undefined || price === null) continue;
      priced++;
      const isSame =
        Math.abs(side.inputUsd - price.input_price) < 1e-12 &&
        Math.abs(side.outputUsd - price.output_price) < 1e-12;
      if (!isSame) differ.push([provider, model, side, price.input_price, price.output_price]);
    }
    expect(sides[0] === undefined).toBe(sides[1] === undefined);
  }

  expect(differ).toEqual([]);
  expect(priced).toBeGreaterThan(300);
});

test("a model or a provider that the table does not know stays unknown when it is asked again", () => {
  const usage = { input: 1, output: 1, source: "provider" } as const;
  const asked = [
    { provider: "openai", model: "nothing-known" },
    { provider: "my.house", model: "gpt-4o" },
  ];

  for (const one of [...asked, ...asked]) expect(priceByTable({ ...one, at: AT, usage })).toBeUndefined();
});
