import { randomUUID } from "node:crypto";
import type { Event } from "@sluice/sdk";
import { completionTokensOf, promptTokensOf } from "@sluice/sdk/internal";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Exchange } from "../../packages/sluice/src/testing/exchange-files.ts";
import {
  LUNARY_TEST_KEY,
  type LunaryServer,
  startLunaryServer,
} from "../../packages/sluice/src/testing/lunary-server.ts";
import type { LunaryRun } from "../../packages/sluice/src/testing/lunary-tables.ts";
import {
  cutBody,
  openProviderServer,
  type ProviderServer,
} from "../../packages/sluice/src/testing/provider-server.ts";
import { eventually, House } from "./daemon.ts";
import { allExchanges } from "./exchanges.ts";
import { requestOf, type Said, saidBySdk } from "./proxy-oracle.ts";
import { post, sha256 } from "./proxy-rig.ts";

/**
 * The main job with nothing left out: the real openai package, the real daemon as a process of its own,
 * recorded answers, a file, and a Lunary as strict as the real one.
 */
const exchanges = await allExchanges();

const house = new House();
let provider: ProviderServer;
let lunary: LunaryServer;

/** What became of an exchange: once through the openai package, once through a client that looks at bytes. */
interface Passed {
  readonly said: Said;
  readonly body: Buffer;
  readonly runIds: readonly string[];
}
const passed = new Map<string, Passed>();

beforeAll(async () => {
  provider = await openProviderServer();
  lunary = await startLunaryServer();
  house.configure(`
    [proxy.openai]
    base_url = "${provider.url}/v1"

    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }

    [[sinks]]
    name = "lunary"
    type = "lunary"
    [sinks.params]
    api_key = "\${env:LUNARY_API_KEY}"
    endpoint = "${lunary.endpoint}"
    requests_per_second = 100
  `);
  await house.start({ LUNARY_API_KEY: LUNARY_TEST_KEY });
  for (const exchange of exchanges) passed.set(exchange.name, await pass(exchange));
}, 60_000);

afterAll(async () => {
  await house.close();
  await provider.close();
  await lunary.close();
});

async function pass(exchange: Exchange): Promise<Passed> {
  const { status, contentType, path, body } = exchange;
  provider.answer({ status, headers: { "content-type": contentType }, chunks: cutBody(body, "event") });
  const [bySdk, byBytes] = [randomUUID(), randomUUID()];
  const client = new OpenAI({
    apiKey: "sk-canary-main-path",
    baseURL: `${house.url}/openai/v1`,
    maxRetries: 0,
    defaultHeaders: { "x-sluice-run": bySdk },
  });

  const said = await saidBySdk(client, exchange);
  const request = JSON.stringify(requestOf(exchange));
  const answer = await post(`${house.url}/openai${path}`, request, { "x-sluice-run": byBytes }).answer;
  return { said, body: answer.body, runIds: [bySdk, byBytes] };
}

describe.each(exchanges.map((exchange) => [exchange.name, exchange] as const))("%s", (name, exchange) => {
  test("reaches the client byte for byte, the file, and Lunary with the recorded usage", async () => {
    const { said, body, runIds } = passed.get(name) ?? expect.fail("the exchange was not passed");
    const runs = await Promise.all(runIds.map((id) => eventually(() => endedAtLunary(id), 10_000)));
    const written = await eventually(() => atFile(runIds), 5_000);

    expect(sha256(body)).toBe(sha256(exchange.body));
    expect(written.map((event) => event.kind).filter((kind) => kind === "run.started")).toHaveLength(2);
    const ends = written.filter((event) => event.kind === "run.ended");
    expect(ends.map((event) => event.run?.usage?.raw)).toEqual([said.usage, said.usage]);
    for (const run of runs) {
      const usage = ends.find(({ runId }) => runId === run.id)?.run?.usage;
      expect(run.status).toBe(said.status === "error" ? "error" : "success");
      // Lunary takes no tokens with an error. What the provider does not say is counted.
      if (run.status === "success") {
        const [prompt, completion] = said.usage
          ? tokensSaid(said)
          : [promptTokensOf(usage), completionTokensOf(usage)];
        expect(tokensOf(run)).toEqual([prompt, completion]);
      }
    }
  });
});

function endedAtLunary(runId: string): LunaryRun | undefined {
  const run = lunary.runs.get(runId);
  return run?.status === "started" ? undefined : run;
}

/** The runs' events, once both have ended. */
function atFile(runIds: readonly string[]): readonly Event[] | undefined {
  const events = house.lines().filter((event) => event.runId !== undefined && runIds.includes(event.runId));
  return events.filter((event) => event.kind === "run.ended").length === 2 ? events : undefined;
}

function tokensOf({ promptTokens, completionTokens }: LunaryRun): readonly (number | undefined)[] {
  return [promptTokens, completionTokens];
}

/** The provider's own totals, chat's names or those of responses; embeddings have no completion. */
function tokensSaid({ usage }: Said): readonly (number | undefined)[] {
  const counts = (usage ?? {}) as Readonly<Record<string, number>>;
  return [
    counts["prompt_tokens"] ?? counts["input_tokens"],
    counts["completion_tokens"] ?? counts["output_tokens"],
  ];
}

test("the first byte is not held back: the client has it before the provider writes the second", async () => {
  const [first, second] = [Buffer.from('data: {"choices":[]}\n\n'), Buffer.from("data: [DONE]\n\n")];
  const arrived = Promise.withResolvers<void>();
  provider.answer({
    headers: { "content-type": "text/event-stream" },
    chunks: [first, second],
    // If the proxy held the first chunk, the provider would never be allowed to write the second.
    pace: (index) => (index === 1 ? arrived.promise : undefined),
  });

  const call = post(
    `${house.url}/openai/v1/chat/completions`,
    JSON.stringify({ model: "gpt-4o", stream: true }),
  );
  await call.bytes(first.length);
  arrived.resolve();

  expect((await call.answer).body.equals(Buffer.concat([first, second]))).toBe(true);
});

test("the balance holds at the end, the key is nowhere, and verify says so too", async () => {
  await house.stop();

  const verified = await house.run("verify");

  expect(verified.exit, verified.stderr).toBe(0);
  expect(JSON.stringify(house.lines())).not.toContain("canary");
  expect(lunary.lost).toEqual([]);
});
