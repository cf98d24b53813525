import type { Event, Json } from "@sluice/sdk";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { usageOf } from "../../packages/sdk/src/providers/usage/usage.ts";
import type { Outgoing, Sink, SinkContext } from "../../packages/sluice/src/sinks/define.ts";
import { heliconeSink } from "../../packages/sluice/src/sinks/helicone/sink.ts";
import { lunarySink } from "../../packages/sluice/src/sinks/lunary/sink.ts";
import {
  HELICONE_TEST_KEY,
  LUNARY_TEST_KEY,
  llmRun,
  outgoing,
  startHeliconeServer,
  startLunaryServer,
} from "../../packages/sluice/src/testing/index.ts";

/** What a provider said, and the prompt, completion and cache that each backend has of it. */
const MATRIX: readonly (readonly [provider: string, said: Json, helicone: object, lunary: object])[] = [
  [
    "openai",
    {
      ...{ prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
      ...{ prompt_tokens_details: { cached_tokens: 60 }, completion_tokens_details: { reasoning_tokens: 5 } },
    },
    { promptTokens: 100, completionTokens: 20, cacheReadTokens: 60 },
    { promptTokens: 100, completionTokens: 20, promptCached: 60 },
  ],
  [
    "openai",
    { input_tokens: 100, output_tokens: 20, total_tokens: 120, input_tokens_details: { cached_tokens: 0 } },
    { promptTokens: 100, completionTokens: 20, cacheReadTokens: 0 },
    { promptTokens: 100, completionTokens: 20, promptCached: 0 },
  ],
  [
    "anthropic",
    {
      ...{ input_tokens: 40, output_tokens: 20 },
      ...{ cache_read_input_tokens: 60, cache_creation_input_tokens: 10 },
    },
    { promptTokens: 40, completionTokens: 20, cacheReadTokens: 60, cacheWriteTokens: 10 },
    { promptTokens: 110, completionTokens: 20, promptCached: 60 },
  ],
  [
    "gcp.gemini",
    {
      ...{ promptTokenCount: 100, candidatesTokenCount: 15, thoughtsTokenCount: 5, totalTokenCount: 120 },
      cachedContentTokenCount: 60,
    },
    { promptTokens: 100, completionTokens: 20 },
    { promptTokens: 100, completionTokens: 20, promptCached: 60 },
  ],
  [
    "ollama",
    { prompt_eval_count: 0, eval_count: 20 },
    { promptTokens: 0, completionTokens: 20 },
    { promptTokens: 0, completionTokens: 20, countedByServer: true },
  ],
  ["ollama", { eval_count: 20 }, { completionTokens: 20 }, { completionTokens: 20, countedByServer: true }],
  [
    "lmstudio",
    { input_tokens: 9, total_output_tokens: 20, reasoning_output_tokens: 5 },
    { promptTokens: 9, completionTokens: 20 },
    { promptTokens: 9, completionTokens: 20 },
  ],
  [
    "x_ai",
    {
      ...{ prompt_tokens: 9, completion_tokens: 2, total_tokens: 31 },
      completion_tokens_details: { reasoning_tokens: 20 },
    },
    { promptTokens: 9, completionTokens: 22 },
    { promptTokens: 9, completionTokens: 22 },
  ],
  [
    "cohere",
    { tokens: { input_tokens: 9, output_tokens: 2 } },
    { promptTokens: 9, completionTokens: 2 },
    { promptTokens: 9, completionTokens: 2 },
  ],
];

test.each(MATRIX)("the tokens of %s, who says %j, are right in Helicone and in Lunary", async (...row) => {
  const [provider, said, atHelicone, atLunary] = row;
  const usage = usageOf(said);
  const event = llmRun({ run: { ...llmRun().run, type: "llm", provider, ...(usage && { usage }) } });
  const helicone = await startHeliconeServer();
  const lunary = await startLunaryServer();

  await deliver(
    await heliconeSink.open(
      heliconeSink.options.parse({ endpoint: helicone.url, api_key: HELICONE_TEST_KEY }),
      CONTEXT,
    ),
    event,
  );
  await deliver(
    await lunarySink.open(
      lunarySink.options.parse({ endpoint: lunary.url, api_key: LUNARY_TEST_KEY }),
      CONTEXT,
    ),
    event,
  );
  const [stored] = lunary.runs.values();
  await Promise.all([helicone.close(), lunary.close()]);

  expect(countsOf(helicone.rows[0])).toEqual(atHelicone);
  expect(countsOf(stored)).toEqual({ countedByServer: false, ...atLunary });
});

const CONTEXT: SinkContext = {
  name: "matrix",
  clock: systemClock,
  disk: systemDisk,
  dataDir: "/",
  warn: () => undefined,
};

async function deliver(sink: Sink, event: Event): Promise<void> {
  const batch: readonly Outgoing[] = [outgoing(event)];
  expect(await sink.send(batch, new AbortController().signal)).toMatchObject({ status: "delivered" });
  await sink.close();
}

/** The members that speak of tokens. */
function countsOf(row: object | undefined): object {
  return Object.fromEntries(
    Object.entries(row ?? {}).filter(([name]) => /Tokens$|Cached$|^counted/.test(name)),
  );
}
