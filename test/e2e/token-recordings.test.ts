import type { Run } from "@sluice/sdk";
import { completionTokensOf, openai, promptTokensOf, readRequest } from "@sluice/sdk/internal";
import { describe, expect, test } from "vitest";
import type { Exchange } from "../../packages/sluice/src/testing/exchange-files.ts";
import { countUsage } from "../../packages/sluice/src/tokens/count-usage.ts";
import { recordedExchanges } from "./exchanges.ts";
import { recordingsRoot } from "./recordings.ts";

const root = recordingsRoot();
if (root === undefined) console.warn("No recordings at ../shared/recordings: no count is held against them.");

interface Compared {
  readonly name: string;
  readonly source: string | undefined;
  readonly recorded: readonly [number | undefined, number | undefined];
  readonly counted: readonly [number | undefined, number | undefined];
}

describe.skipIf(root === undefined)("every recorded request of OpenAI's with a recorded usage", async () => {
  const compared = root === undefined ? [] : (await recordedExchanges(root)).flatMap(compare);

  test("has the very tokens that were billed where all is text", () => {
    const texts = compared.filter(({ source }) => source === "counted");
    for (const { name, recorded, counted } of texts) console.info(`${name}: ${recorded}, counted ${counted}`);

    expect(texts.filter(({ recorded, counted }) => String(recorded) !== String(counted))).toEqual([]);
    expect(texts.length).toBeGreaterThanOrEqual(4);
  });

  test("is at most 5 % off where there are tools", () => {
    const tools = compared.filter(({ source }) => source === "estimated");
    for (const { name, recorded, counted } of tools)
      console.info(`${name}: ${recorded}, estimated ${counted}`);

    expect(tools.filter((one) => offOf(one) > 0.05)).toEqual([]);
    expect(tools.length).toBeGreaterThanOrEqual(3);
  });
});

/** Exchanges without a request or without a usage have nothing to compare. */
function compare(exchange: Exchange): readonly Compared[] {
  const operation = openai.operation(exchange.path);
  if (operation === undefined || exchange.request === undefined) return [];
  const request = readRequest(operation, JSON.parse(exchange.request.toString()));
  const stream = operation.openStream(1_000_000);
  const text = exchange.body.toString();
  if (exchange.isStream) stream.feed(text);
  const { response, usage } = exchange.isStream ? stream.end() : operation.readBody({ text });
  if (usage === undefined || response === undefined) return [];
  const run: Run = { type: operation.runType, operation: operation.name, status: "ok", request, response };
  const counted = countUsage(run);
  return [
    {
      name: `${operation.name} ${exchange.name}`,
      source: counted?.source,
      recorded: [promptTokensOf(usage), completionTokensOf(usage)],
      counted: [promptTokensOf(counted), completionTokensOf(counted)],
    },
  ];
}

function offOf({ recorded, counted }: Compared): number {
  const off = recorded.map((tokens, side) => Math.abs((counted[side] ?? 0) / (tokens ?? 0) - 1));
  return Math.max(...off);
}
