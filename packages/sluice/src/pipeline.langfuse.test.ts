import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Event, kindCode } from "@sluice/sdk";
import { encodeEvent, systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openPipeline, type Pipeline } from "./pipeline.ts";
import { called, ended, started } from "./sinks/langfuse/langfuse.test-support.ts";
import { langfuseSink } from "./sinks/langfuse/sink.ts";
import { sinkOfType } from "./sinks/registry.ts";
import { Received } from "./spool/received.ts";
import {
  LANGFUSE_TEST_KEYS,
  type LangfuseServer,
  type LangfuseServerOptions,
  startLangfuseServer,
} from "./testing/langfuse-server.ts";

let dataDir: string;
let server: LangfuseServer;
let pipeline: Pipeline;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "sluice-langfuse-"));
});

afterEach(async () => {
  await pipeline.close();
  await server.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function setUp(options: LangfuseServerOptions, mode: string): Promise<void> {
  server = await startLangfuseServer(options);
  await open(mode);
}

async function open(mode: string): Promise<void> {
  const requests_per_second = 1_000;
  const settings = { endpoint: server.url, mode, requests_per_second, ...LANGFUSE_TEST_KEYS };
  const params = langfuseSink.options.parse(settings);
  pipeline = await openPipeline({
    dataDir,
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
    sinks: [{ name: "langfuse", type: "langfuse", enabled: true, params, words: mode }],
    sinkOfType,
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
  });
}

async function append(...events: readonly Event[]): Promise<void> {
  const records = events.map((event) => {
    const received = new Received(Buffer.from(encodeEvent(event)));
    const { id, runId = "", traceId = runId } = event;
    const code = kindCode(event.kind);
    return { id, kindCode: code, flags: 0, runId, orderKey: traceId, received, body: received.bytes };
  });
  for (const { status } of await pipeline.intake.append(records)) expect(status).toBe("appended");
}

function langfuse() {
  const status = pipeline.status().sinks.find(({ sink }) => sink === "langfuse");
  if (!status) throw new Error("there is no such sink");
  return status;
}

const until = (assertion: () => void) => vi.waitFor(assertion, { timeout: 15_000 });
const inTraces = (id: string) => ({ traceId: `trace-${id}` });

test("a v4 in events_only pauses the sink: nothing is delivered, nothing is dead, everything is kept", async () => {
  await setUp({ version: 4 }, "ingestion");

  await append(started("a"), ended("a"), called("a"));
  await until(() => expect(langfuse().state.name).toBe("paused"));

  expect(langfuse().state).toMatchObject({ reason: expect.stringContaining('mode = "otlp"') });
  expect(langfuse().balance).toMatchObject({ pending: 3, delivered: 0, deadLettered: 0 });
});

test("an export that is refused with 400 for one span is halved until that span is alone", async () => {
  await setUp({}, "otlp");
  server.choose(({ body }) => (body.includes("poison") ? { status: 400 } : "pass"));
  const names = ["a", "b", "c", "poison", "d", "e", "f", "g"];

  await append(...names.map((name) => ended(name, { name }, inTraces(name))));
  await until(() => expect(langfuse().balance.pending).toBe(0));

  expect(langfuse().balance).toMatchObject({ delivered: 7, deadLettered: 1 });
  expect(server.observations.map(({ name }) => name).toSorted()).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
});

test("killed between the request and its answer, the next process writes the same rows again", async () => {
  await setUp({}, "otlp");
  server.choose(() => "loseAnswer");
  await append(ended("r"), called("r"));
  await until(() => expect(server.observations).toHaveLength(2));
  const before = JSON.stringify(server.observations);
  await pipeline.close();

  server.choose(() => "pass");
  await open("otlp");
  await until(() => expect(langfuse().balance.pending).toBe(0));

  expect(JSON.stringify(server.observations)).toBe(before);
});

test("v2 never has a start and its end under way at once, so no usage is lost", async () => {
  await setUp({ version: 2, processingMs: 100 }, "ingestion");
  const runs = Array.from({ length: 32 }, (_, index) => `r${index}`);
  const child = { parentRunId: "above" };

  // Two full batches, there at once: of what is not in order, both would be sent.
  const starts = runs.map((id) => started(id, {}, { ...child, ...inTraces(id) }));
  await append(...starts, ...runs.map((id) => ended(id, {}, { ...child, ...inTraces(id) })));
  await until(() => expect(langfuse().balance.pending).toBe(0));

  expect(server.observations.map(({ usageDetails }) => usageDetails)).toEqual(
    runs.map(() => ({ input: 5, output: 2, total: 7 })),
  );
});

test("an item that fails with 5xx alone goes again, and is stored once", async () => {
  await setUp({ version: 3 }, "ingestion");
  let failures = 2;
  server.refuseItems(({ type }) => (type === "generation-update" && failures-- > 0 ? 500 : undefined));

  await append(ended("a", {}, inTraces("a")), ended("b", {}, inTraces("b")));
  await until(() => expect(langfuse().balance.pending).toBe(0));

  expect(langfuse().balance).toMatchObject({ delivered: 2, deadLettered: 0 });
  expect(server.observations).toHaveLength(2);
});
