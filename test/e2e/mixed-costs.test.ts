import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Cost, Event } from "@sluice/sdk";
import { deriveId } from "@sluice/sdk/internal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createTestDatabase,
  hasServer,
  type TestDatabase,
} from "../../packages/sluice/src/sinks/postgres/server.test-support.ts";
import {
  type Backend,
  HELICONE_TEST_KEY,
  LANGFUSE_TEST_KEYS,
  LUNARY_TEST_KEY,
  openProviderServer,
  type ProviderServer,
  startBackend,
  startHeliconeServer,
  startLangfuseServer,
  startLunaryServer,
  startOtlpServer,
} from "../../packages/sluice/src/testing/index.ts";
import {
  type Account,
  type Accounts,
  eventAccounts,
  heliconeAccounts,
  langfuseAccounts,
  lunaryAccounts,
  ofSpan,
  openinferenceAccounts,
  rowAccounts,
  semconvAccounts,
} from "./bills.ts";
import { eventually, House } from "./daemon.ts";
import { allExchanges } from "./exchanges.ts";
import { MIXED_RUNS, type MixedRun } from "./mixed-runs.ts";
import { chatChunks } from "./observe-rig.ts";
import { post } from "./proxy-rig.ts";
import { recomputedUsd } from "./recomputed-cost.ts";
import { recordedRuns } from "./recorded-runs.ts";

/**
 * A real daemon, every sink against its strict stand-in or its real database, and runs of every shape. From
 * what each backend has stored, in that backend's own keys, the price is worked out anew: it is what the run
 * cost, and the same at all of them.
 */
const SETTLED_MS = 60_000;
const HELICONE = "helicone";
const house = new House();
const closing: { close(): Promise<void> }[] = [];
const accounts = new Map<string, Accounts>();
/** As the daemon stored them, by the run's id. */
const ends = new Map<string, Event>();
const exchanges = (await allExchanges()).filter(({ status, body }) => status === 200 && hasUsage(body));
const isPostgres = await hasServer();
const INTERRUPTED = "an interrupted stream of the proxy";
const proxied: readonly string[] = [INTERRUPTED, ...exchanges.map(({ name }) => name)];
/** All that is posted as events. */
const posted: readonly MixedRun[] = [...MIXED_RUNS, ...recordedRuns()];
const names: readonly string[] = [...posted.map(({ name }) => name), ...proxied];
const BACKENDS = [
  ...["langfuse otlp", "langfuse ingestion", HELICONE, "lunary", "otlp semconv", "otlp openinference"],
  ...["webhook", "file", "sqlite", ...(isPostgres ? ["postgres"] : [])],
];
let database: TestDatabase | undefined;
let provider: ProviderServer;

beforeAll(async () => {
  provider = opened(await openProviderServer());
  const langfuse = opened(await startLangfuseServer());
  const olderLangfuse = opened(await startLangfuseServer({ version: 3 }));
  const helicone = opened(await startHeliconeServer());
  const lunary = opened(await startLunaryServer());
  const [semconv, openinference] = [opened(await startOtlpServer()), opened(await startOtlpServer())];
  const webhook = opened(await startBackend());
  database = isPostgres ? await createTestDatabase() : undefined;
  const keys = `public_key = "${LANGFUSE_TEST_KEYS.public_key}", secret_key = "${LANGFUSE_TEST_KEYS.secret_key}"`;
  const secret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
  house.configure(`
    [proxy.openai]
    base_url = "${provider.url}/v1"

    [[prices]]
    model = "mine-*"
    provider = "my.house"
    input = 0.5
    output = 1
    cache_read = 0.1

    ${sink("langfuse", `${keys}, endpoint = "${langfuse.url}"`)}
    ${sink("langfuse", `${keys}, endpoint = "${olderLangfuse.url}", mode = "ingestion"`, "older-langfuse")}
    ${sink("helicone", `api_key = "${HELICONE_TEST_KEY}", endpoint = "${helicone.url}"`)}
    ${sink("lunary", `api_key = "${LUNARY_TEST_KEY}", endpoint = "${lunary.url}"`)}
    ${sink("otlp", `endpoint = "${semconv.url}"`)}
    ${sink("otlp", `endpoint = "${openinference.url}", profile = "openinference"`, "openinference")}
    ${sink("webhook", `endpoint = "${webhook.url}", secrets = ["${secret}"], allow = ["127.0.0.0/8"]`)}
    ${sink("file", 'path = "events.jsonl"')}
    ${sink("sqlite", 'path = "events.db"')}
    ${database ? sink("postgres", `url = "${database.url()}"`) : ""}
  `);
  await house.start();
  await eventually(isCounted, SETTLED_MS);

  await send(posted.map(anEnd));
  await callThroughProxy();
  await settled();

  const stored = house.lines();
  const [sqlite, postgres] = [rowsOfSqlite(), await database?.query("SELECT * FROM sluice.runs")];
  const all: readonly (readonly [string, Accounts])[] = [
    ["langfuse otlp", langfuseAccounts(langfuse, ofSpan)],
    ["langfuse ingestion", langfuseAccounts(olderLangfuse, (runId) => runId)],
    [HELICONE, heliconeAccounts(helicone)],
    ["lunary", lunaryAccounts(lunary)],
    ["otlp semconv", semconvAccounts(semconv)],
    ["otlp openinference", openinferenceAccounts(openinference)],
    ["webhook", eventAccounts(eventsAt(webhook))],
    ["file", eventAccounts(stored)],
    ["sqlite", rowAccounts(sqlite)],
    ["postgres", rowAccounts(postgres ?? [])],
  ];
  for (const [name, of] of all) accounts.set(name, of);
  for (const event of stored) if (event.kind === "run.ended") ends.set(String(event.runId), event);
}, 180_000);

afterAll(async () => {
  await house.close();
  for (const each of closing) await each.close();
  await database?.drop();
});

test("the runs are twenty and more, and the stored cost of each is what was worked out by hand", () => {
  const stored = MIXED_RUNS.map(({ name }) => [name, endOf(name).run?.cost?.totalUsd]);

  expect(stored).toEqual(MIXED_RUNS.map(({ name, usd }) => [name, nearly(usd)]));
  expect(MIXED_RUNS.length).toBeGreaterThanOrEqual(20);
  expect(exchanges.length).toBeGreaterThanOrEqual(4);
});

test("of those that were worked out by hand, all can be worked out again but two", () => {
  const exceptions = MIXED_RUNS.flatMap(({ name }) => {
    const why = whyOnlyCompared(name);
    return why === undefined ? [] : [[name, why]];
  });

  expect(exceptions).toEqual([
    ["Cohere, which bills for other counts than it has", "what is billed are other counts"],
    ["a cost that its sender knew", "the sender's prices are in nobody's table"],
  ]);
});

describe.each(BACKENDS)("at %s", (backend) => {
  test("the cost recomputed from what was received is the stored one, and absent where nobody knows it", () => {
    const recomputable = names.filter((name) => whyOnlyCompared(name) === undefined);

    const recomputed = recomputable.map((name) => [name, recomputedUsd(accountOf(backend, name).bill)]);

    expect(recomputed).toEqual(recomputable.map((name) => [name, nearly(costOf(name)?.totalUsd)]));
  });

  test("the fields for a cost have the stored one, and none where nobody knows it", () => {
    const received = names.map((name) => [name, costFieldsOf(accountOf(backend, name))]);

    expect(received).toEqual(
      names.map((name) => {
        const { totalUsd, inputUsd, outputUsd } = costOf(name) ?? {};
        const hasSides = "inputUsd" in accountOf(backend, name);
        const sides = hasSides ? [nearly(inputUsd), nearly(outputUsd)] : [];
        return [name, [nearly(totalUsd), ...sides]];
      }),
    );
  });

  test("there are as many tokens as everywhere", () => {
    const counted = names.map((name) => [name, tokensOf(accountOf(backend, name))]);

    expect(counted).toEqual(names.map((name) => [name, tokensOf(accountOf("file", name))]));
  });
});

function opened<Server extends { close(): Promise<void> }>(server: Server): Server {
  closing.push(server);
  return server;
}

function sink(type: string, params: string, name = type): string {
  return `[[sinks]]\nname = "${name}"\ntype = "${type}"\nparams = { ${params} }\n`;
}

/** A fraction may differ in what adding in binary leaves. */
function nearly(usd: number | undefined): unknown {
  return usd === undefined ? undefined : expect.closeTo(usd, 10);
}

/** Lunary keeps UUIDs only. */
function runIdOf(name: string): string {
  return deriveId("mixed-costs", name);
}

function endOf(name: string): Event {
  const found = ends.get(runIdOf(name));
  if (!found) throw new Error(`the file has no end of "${name}"`);
  return found;
}

function costOf(name: string): Cost | undefined {
  return endOf(name).run?.cost;
}

/** Why no backend could work out the cost of a run from its own keys: then it is only compared. */
function whyOnlyCompared(name: string): string | undefined {
  const { usage, cost } = endOf(name).run ?? {};
  if (cost?.prices === "sender") return "the sender's prices are in nobody's table";
  if (usage?.flags?.includes("billed")) return "what is billed are other counts";
  // Nobody knows that one: the counts are of several models.
  return usage?.flags?.includes("iterations") ? "the usage is not that of the whole answer" : undefined;
}

function costFieldsOf(account: Account): readonly unknown[] {
  const { totalUsd, inputUsd, outputUsd } = account;
  return "inputUsd" in account ? [totalUsd, inputUsd, outputUsd] : [totalUsd];
}

function tokensOf({ bill }: Account): readonly unknown[] {
  return [bill.prompt, bill.completion];
}

function accountOf(backend: string, name: string): Account {
  const account = accounts.get(backend)?.(runIdOf(name));
  if (!account) throw new Error(`${backend} has nothing of "${name}"`);
  return account;
}

function anEnd(run: MixedRun): object {
  const { name, type, operation, provider: by, model, answered, startTime, usage, cost } = run;
  const response = { model: answered ?? model, output: { role: "assistant", content: "Yes." } };
  return {
    kind: "run.ended",
    time: new Date(Date.parse(startTime) + 1_000).toISOString(),
    runId: runIdOf(name),
    run: {
      ...{ type, operation, provider: by, startTime, status: "ok", usage, cost },
      request: { model, input: [{ role: "user", content: "Is it?" }] },
      response: type === "embedding" ? { model: answered ?? model } : response,
    },
  };
}

async function send(events: readonly object[]): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers,
    body: JSON.stringify(events),
  });
  expect(answer.status).toBe(202);
}

/** A thread that has to start first may be later than its first run can wait. */
async function isCounted(): Promise<true | undefined> {
  const name = `warm-up ${Math.random()}`;
  const asked = { type: "llm", operation: "chat", status: "ok", startTime: "2026-11-20T05:00:00.000Z" };
  const run = { ...asked, request: { input: "Hi" }, response: { output: "Hello!" } };
  await send([{ kind: "run.ended", time: asked.startTime, runId: runIdOf(name), run }]);
  const end = await eventually(() => house.lines().find(({ runId }) => runId === runIdOf(name)), 20_000);
  return end.run?.usage && true;
}

async function callThroughProxy(): Promise<void> {
  for (const { name, path, request, status, contentType, body } of exchanges) {
    provider.answer({ status, headers: { "content-type": contentType }, chunks: [body] });
    await post(`${house.url}/openai${path}`, request ?? "", { "x-sluice-run": runIdOf(name) }).answer;
  }
  const chunks = chatChunks(["The quick brown fox", " jumps over", " the lazy dog"]);
  const headers = { "content-type": "text/event-stream" };
  provider.answer({ headers, chunks, fault: { after: 2, kind: "reset" } });
  const asked = { model: "gpt-4o", stream: true, messages: [{ role: "user", content: "Hi" }] };
  const runId = runIdOf(INTERRUPTED);
  await post(`${house.url}/openai/v1/chat/completions`, JSON.stringify(asked), { "x-sluice-run": runId })
    .answer;
}

async function settled(): Promise<void> {
  await eventually(() => {
    const ended = new Set(house.lines().flatMap(({ kind, runId }) => (kind === "run.ended" ? runId : [])));
    return names.every((name) => ended.has(runIdOf(name))) || undefined;
  }, SETTLED_MS);
  const sinks = await eventually(async () => {
    const lines = await house.sinks();
    return lines.every(({ balance }) => balance.pending === 0) ? lines : undefined;
  }, SETTLED_MS);
  for (const { balance } of sinks) expect(balance).toMatchObject({ deadLettered: 0, dropped: {} });
}

function eventsAt(webhook: Backend): readonly Event[] {
  return webhook.requests.map(({ json }) => json as Event);
}

function rowsOfSqlite(): readonly Record<string, unknown>[] {
  const path = join(house.dataDir, "events.db");
  if (!existsSync(path)) return [];
  const opened = new DatabaseSync(path, { readOnly: true });
  try {
    return opened.prepare("SELECT * FROM runs").all();
  } finally {
    opened.close();
  }
}

/** Some are written without one. */
function hasUsage(body: Buffer): boolean {
  return /"usage": ?\{/.test(body.toString());
}
