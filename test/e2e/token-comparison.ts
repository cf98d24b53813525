import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { Json, JsonObject, Run, Usage } from "@sluice/sdk";
import { objectOf, openai, readRequest, systemDisk } from "@sluice/sdk/internal";
import { mergeMessageUsage } from "../../packages/sdk/src/providers/usage/anthropic.ts";
import { usageOf } from "../../packages/sdk/src/providers/usage/usage.ts";
import { type Exchange, readExchanges } from "../../packages/sluice/src/testing/exchange-files.ts";
import { countUsage } from "../../packages/sluice/src/tokens/count-usage.ts";
import { recordedExchanges } from "./exchanges.ts";
import { recordingsRoot } from "./recordings.ts";

/** A recorded call that has both its request and its usage. */
export interface Compared {
  /** Whose it is, and the recording's own name. */
  readonly name: string;
  readonly exchange: Exchange;
  readonly model: string | undefined;
  readonly hasTools: boolean;
  /** What the provider billed, and what we count without knowing it. */
  readonly recorded: Usage;
  readonly counted: Usage | undefined;
}

/** The folders of those who speak OpenAI's format with models of their own. */
const SPEAKERS = ["together-chat", "together-completions"];

/** Every call to OpenAI that can be compared; none where the recordings are not at hand. */
export async function comparedRecordings(): Promise<readonly Compared[]> {
  const root = recordingsRoot();
  if (root === undefined) return [];
  return (await recordedExchanges(root)).flatMap((exchange) => compareOpenai("openai", exchange));
}

/** The same of everybody else, whose encodings nobody publishes. */
export async function comparedOthers(): Promise<readonly Compared[]> {
  const root = recordingsRoot();
  if (root === undefined) return [];
  const speakers = await exchangesOf(root, SPEAKERS);
  const messages = await exchangesOf(root, ["anthropic-messages"]);
  return [
    ...speakers.flatMap((exchange) => compareOpenai("together", exchange)),
    ...messages.flatMap(compareMessages),
  ];
}

async function exchangesOf(root: string, folders: readonly string[]): Promise<readonly Exchange[]> {
  const calls = folders.flatMap((folder) =>
    readdirSync(path.join(root, folder))
      .sort()
      .map((name) => path.join(root, folder, name)),
  );
  const withRequest = calls.filter((call) => existsSync(path.join(call, "request.json")));
  return (await Promise.all(withRequest.map((call) => readExchanges(systemDisk, call)))).flat();
}

function compareOpenai(provider: string, exchange: Exchange): readonly Compared[] {
  const operation = openai.operation(exchange.path);
  if (operation === undefined || exchange.request === undefined) return [];
  const request = readRequest(operation, JSON.parse(exchange.request.toString()));
  const stream = operation.openStream(1_000_000);
  const text = exchange.body.toString();
  if (exchange.isStream) stream.feed(text);
  const { response, usage } = exchange.isStream ? stream.end() : operation.readBody({ text });
  if (usage === undefined || response === undefined) return [];
  const run: Run = { type: operation.runType, operation: operation.name, status: "ok", request, response };
  return [comparedOf(`${provider} ${operation.name}`, exchange, run, usage)];
}

function comparedOf(kind: string, exchange: Exchange, run: Run, recorded: Usage): Compared {
  return {
    name: `${kind} ${exchange.name}`,
    exchange,
    model: run.response?.model ?? run.request?.model,
    hasTools: run.request?.params?.tools !== undefined || run.request?.params?.functions !== undefined,
    recorded,
    counted: countUsage(run),
  };
}

/** Anthropic's messages, which the product does not read from the wire: as a sender would tell of them. */
function compareMessages(exchange: Exchange): readonly Compared[] {
  const { model, messages, ...params } = JSON.parse(exchange.request?.toString() ?? "{}");
  const { content, usage } = exchange.isStream ? streamed(exchange.body.toString()) : whole(exchange.body);
  const recorded = usageOf(usage);
  if (recorded === undefined) return [];
  const request = { model, input: messages, params };
  const response = { model, output: { role: "assistant", content } };
  const run: Run = { type: "llm", operation: "chat", status: "ok", request, response };
  return [comparedOf("anthropic messages", exchange, run, recorded)];
}

interface Message {
  readonly content: Json;
  readonly usage: JsonObject | undefined;
}

function whole(body: Buffer): Message {
  const { content, usage } = JSON.parse(body.toString());
  return { content, usage };
}

function streamed(text: string): Message {
  const lines = text.split("\n").filter((line) => line.startsWith("data:"));
  const events: readonly JsonObject[] = lines.map((line) => JSON.parse(line.slice("data:".length)));
  let usage: JsonObject | undefined;
  let said = "";
  for (const { message, delta, usage: later } of events) {
    usage = mergeMessageUsage(usage, objectOf(message)?.usage ?? later);
    const piece = objectOf(delta)?.text;
    if (typeof piece === "string") said += piece;
  }
  return { content: [{ type: "text", text: said }], usage };
}
