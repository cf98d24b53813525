import { randomUUID } from "node:crypto";
import { createDaemonEmitter, type Event, observe } from "@sluice/sdk";
import { completionTokensOf, deriveId, promptTokensOf } from "@sluice/sdk/internal";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  openProviderServer,
  type ProviderServer,
} from "../../packages/sluice/src/testing/provider-server.ts";
import { eventually, House } from "./daemon.ts";
import { chatChunks } from "./observe-rig.ts";
import { post } from "./proxy-rig.ts";
import { comparedRecordings } from "./token-comparison.ts";

/** What a provider does not say is counted, and what a run costs stands in the event: the real daemon. */
const house = new House();
const compared = await comparedRecordings();
const SSE = { "content-type": "text/event-stream" };
const TIME = "2026-11-21T05:00:00.000Z";
let provider: ProviderServer;

beforeAll(async () => {
  provider = await openProviderServer();
  configure(0.5);
  await house.start();
  await eventually(isCounted, 60_000);
}, 90_000);

afterAll(async () => {
  await house.close();
  await provider.close();
});

function configure(price: number): void {
  house.configure(`
    [proxy.openai]
    base_url = "${provider.url}/v1"

    [[prices]]
    model = "mine-*"
    provider = "my.house"
    input = ${price}
    output = 1
    cache_read = 0.1

    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }
  `);
}

/** The end of a run, once the file has it. */
function ended(runId: string): Promise<Event> {
  return eventually(
    () => house.lines().find((event) => event.kind === "run.ended" && event.runId === runId),
    10_000,
  );
}

/** A thread that has to start first may be later than its first run can wait. */
async function isCounted(): Promise<true | undefined> {
  const runId = randomUUID();
  await send(anEnd(runId, { request: { input: "Hi" }, response: { output: "Hello!" } }));
  return (await ended(runId)).run?.usage && true;
}

async function send(...events: readonly object[]): Promise<unknown> {
  const response = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  return response.json();
}

function anEnd(runId: string, run: object): object {
  const asked = { type: "llm", operation: "chat", status: "ok", startTime: TIME };
  return { kind: "run.ended", time: TIME, runId, run: { ...asked, ...run } };
}

describe.skipIf(compared.length === 0)("a recorded call whose usage was taken out", () => {
  test.each(compared.map((one) => [one.name, one] as const))("%s is counted as ever", async (_name, one) => {
    const { exchange } = one;
    const { status, contentType, path } = exchange;
    const headers = { "content-type": contentType };
    provider.answer({ status, headers, chunks: [withoutUsage(exchange.body, exchange.isStream)] });
    const runId = randomUUID();

    await post(`${house.url}/openai${path}`, exchange.request ?? "", { "x-sluice-run": runId }).answer;

    const { usage } = (await ended(runId)).run ?? {};
    expect(usage?.source).toBe(one.counted?.source);
    expect([promptTokensOf(usage), completionTokensOf(usage)]).toEqual([
      promptTokensOf(one.counted),
      completionTokensOf(one.counted),
    ]);
  });
});

test("a stream of the proxy that breaks off is counted as far as it came", async () => {
  const chunks = chatChunks(["The quick brown fox", " jumps over", " the lazy dog"]);
  provider.answer({ headers: SSE, chunks, fault: { after: 2, kind: "reset" } });
  const runId = randomUUID();
  const request = { model: "gpt-4o", stream: true, messages: [{ role: "user", content: "Hi" }] };

  await post(`${house.url}/openai/v1/chat/completions`, JSON.stringify(request), { "x-sluice-run": runId })
    .answer;

  expect((await ended(runId)).run).toMatchObject({
    status: "incomplete",
    reason: "upstream_reset",
    usage: { input: 8, output: 6, source: "counted" },
    cost: { totalUsd: 0.00008, prices: "table", isEstimate: true },
  });
});

test("a stream that the application gives up under the SDK's wrapper is counted as far as it came", async () => {
  const emitter = createDaemonEmitter({ url: house.url, dataDir: house.dataDir });
  const chunks = chatChunks(["The quick brown fox", " jumps over", " the lazy dog"]);
  provider.answer({ headers: SSE, chunks, fault: { after: 2, kind: "hang" } });
  const client = new OpenAI({ apiKey: "sk-canary", baseURL: `${provider.url}/v1`, maxRetries: 0 });
  const openai = observe(client, { emitter });
  const known = house.lines().length;

  const stream = await openai.chat.completions.create({
    ...{ model: "gpt-4o", stream: true },
    messages: [{ role: "user", content: "Hi" }],
  });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content === " jumps over") break;
  await emitter.close();

  const end = await eventually(
    () =>
      house
        .lines()
        .slice(known)
        .find(({ kind }) => kind === "run.ended"),
    10_000,
  );
  expect(end.run).toMatchObject({ status: "cancelled", usage: { input: 8, output: 6, source: "counted" } });
});

test("a model whose tokens nobody publishes is estimated, and without a price it has no cost", async () => {
  const request = { input: [{ role: "user", content: "Why is the sky blue?" }] };
  const response = { output: { role: "assistant", content: "Because of Rayleigh scattering." } };
  const [claude, llama] = [randomUUID(), randomUUID()];

  await send(
    anEnd(claude, { provider: "anthropic", request: { ...request, model: "claude-sonnet-4-5" }, response }),
    anEnd(llama, { provider: "ollama", request: { ...request, model: "llama3.2" }, response }),
  );

  const [ofClaude, ofLlama] = [(await ended(claude)).run, (await ended(llama)).run];
  expect([ofClaude?.usage?.source, ofLlama?.usage?.source]).toEqual(["estimated", "estimated"]);
  expect(ofClaude?.usage?.input).toBeGreaterThan(5);
  expect(ofClaude?.cost).toMatchObject({ prices: "table", isEstimate: true });
  expect(ofLlama).not.toHaveProperty("cost");
});

test("a counted run that a client sends again is a duplicate", async () => {
  const runId = randomUUID();
  const request = { model: "gpt-4o", input: [{ role: "user", content: "Hi" }] };
  const end = { ...anEnd(runId, { provider: "openai", request, response: { output: "Hello!" } }) };

  const answers = [await send(end), await send(end)];

  const id = deriveId(runId, "ended");
  expect(answers).toMatchObject([{ accepted: 1 }, { duplicates: 1 }]);
  expect((await ended(runId)).run?.usage?.source).toBe("counted");
  expect(house.lines().filter((event) => event.id === id)).toHaveLength(1);
});

test("prices of the configuration reach the stored event, and a reload changes them", async () => {
  const [before, after] = [randomUUID(), randomUUID()];
  const usage = { input: 1_000_000, cacheRead: 1_000_000, output: 2_000_000, source: "provider" };
  const run = { provider: "my.house", request: { model: "mine-7b" }, usage };

  await send(anEnd(before, run));
  configure(4);
  expect((await house.run("reload", "--config", house.config)).exit).toBe(0);
  await send(anEnd(after, run));

  const costs = [(await ended(before)).run?.cost, (await ended(after)).run?.cost];
  expect(costs).toEqual([
    { inputUsd: 0.6, outputUsd: 2, totalUsd: 2.6, prices: "override", isEstimate: false },
    { inputUsd: 4.1, outputUsd: 2, totalUsd: 6.1, prices: "override", isEstimate: false },
  ]);
});

test("the metrics say how many runs were counted, and how many have no price", async () => {
  const text = await (await fetch(`${house.url}/metrics`)).text();

  expect(text).toMatch(/^sluice_runs_metered_total\{usage="counted",prices="table"\} \d/m);
  expect(text).toMatch(/^sluice_runs_metered_total\{usage="estimated",prices="none"\} \d/m);
});

function withoutUsage(body: Buffer, isStream: boolean): Buffer {
  if (!isStream) return Buffer.from(JSON.stringify(bare(JSON.parse(body.toString()))));
  const lines = body.toString().split("\n");
  const rewritten = lines.map((line) =>
    line.startsWith("data: {") ? `data: ${JSON.stringify(bare(JSON.parse(line.slice(6))))}` : line,
  );
  return Buffer.from(rewritten.join("\n"));
}

function bare(chunk: { usage?: unknown; response?: { usage?: unknown } }): object {
  const { usage: _, ...rest } = chunk;
  if (rest.response === undefined) return rest;
  const { usage: __, ...response } = rest.response;
  return { ...rest, response };
}
