import type { Run, Usage } from "@sluice/sdk";
import { openai, readRequest } from "@sluice/sdk/internal";
import type { Exchange } from "../../packages/sluice/src/testing/exchange-files.ts";
import { countUsage } from "../../packages/sluice/src/tokens/count-usage.ts";
import { recordedExchanges } from "./exchanges.ts";
import { recordingsRoot } from "./recordings.ts";

/** A recorded call that has both its request and its usage. */
export interface Compared {
  /** The operation, and the recording's own name. */
  readonly name: string;
  readonly exchange: Exchange;
  readonly model: string | undefined;
  /** What the provider billed, and what we count without knowing it. */
  readonly recorded: Usage;
  readonly counted: Usage | undefined;
}

/** Every call of OpenAI's operations that can be compared; none where the recordings are not at hand. */
export async function comparedRecordings(): Promise<readonly Compared[]> {
  const root = recordingsRoot();
  return root === undefined ? [] : (await recordedExchanges(root)).flatMap(compare);
}

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
  return [
    {
      name: `${operation.name} ${exchange.name}`,
      exchange,
      model: response.model ?? request.model,
      recorded: usage,
      counted: countUsage(run),
    },
  ];
}
