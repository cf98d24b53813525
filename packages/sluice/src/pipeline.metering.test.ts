import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event, Json } from "@sluice/sdk";
import {
  createIds,
  deriveId,
  encodeSpillHeader,
  spillFileName,
  systemClock,
  systemDisk,
  systemProcessTable,
  systemRandom,
} from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Metering, openPipeline, type Pipeline } from "./pipeline.ts";
import { sinkOfType } from "./sinks/registry.ts";
import { readItem } from "./sources/ingest/item.ts";
import { openSpillSource } from "./sources/spill/spill.ts";
import type { AppendOutcome, NewRecord } from "./spool/spool.ts";

const TIME = "2026-01-27T14:30:25.000Z";
/** A thread starts first, and there may be little of the machine for it. */
const PATIENCE = { timeout: 10_000 };
const ASKED = { type: "llm", provider: "openai", operation: "chat", startTime: TIME };
const REQUEST = { model: "gpt-4o", input: [{ role: "user", content: "Hi" }] };
const RESPONSE = { model: "gpt-4o-2024-08-06", output: { role: "assistant", content: "Hello!" } };
const USAGE = { input: 8, output: 2, source: "counted" };
const COST = { inputUsd: 0.00002, outputUsd: 0.00002, totalUsd: 0.00004, prices: "table", isEstimate: true };

let dataDir: string;
let pipeline: Pipeline;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "sluice-metering-"));
  await open({ prices: [], isCounting: true });
});

afterEach(async () => {
  await pipeline.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(metering: Metering): Promise<void> {
  const params = sinkOfType("file")?.options.parse({}) ?? {};
  pipeline = await openPipeline({
    dataDir,
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
    sinks: [{ name: "file", type: "file", enabled: true, params }],
    metering,
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
  });
}

async function reopen(metering: Metering): Promise<void> {
  await pipeline.close();
  await open(metering);
}

/** As ingest and the spill read it. */
function recordOf(item: Json | string): NewRecord {
  const text = typeof item === "string" ? item : JSON.stringify(item);
  const read = readItem(Buffer.from(text), undefined, createIds(systemClock, systemRandom), TIME);
  if (!("record" in read)) throw new Error(read.detail);
  return read.record;
}

async function append(...items: readonly (Json | string)[]): Promise<readonly AppendOutcome["status"][]> {
  return (await pipeline.intake.append(items.map(recordOf))).map(({ status }) => status);
}

async function lines(): Promise<readonly string[]> {
  await pipeline.drain(5_000);
  return readFileSync(join(dataDir, "events.jsonl"), "utf8").split("\n").slice(0, -1);
}

async function ended(): Promise<readonly Event[]> {
  const events = (await lines()).map((line): Event => JSON.parse(line));
  return events.filter(({ kind }) => kind === "run.ended");
}

test("a complete end is stored as it was sent, with the usage and the cost in its run", async () => {
  const id = deriveId("r", "ended");
  const head = `{ "data":1.0, "id":"${id}","kind":"run.ended", "time":"${TIME}","runId":"r","run":{`;
  const rest = `${JSON.stringify({ ...ASKED, status: "ok", request: REQUEST, response: RESPONSE }).slice(1)} }`;

  expect(await append(head + rest)).toEqual(["appended"]);

  const added = `"usage":${JSON.stringify(USAGE)},"cost":${JSON.stringify(COST)},`;
  expect(await lines()).toEqual([head + added + rest]);
});

test("a client that sends a counted run again sends a duplicate, also when it is not counted any more", async () => {
  const end = { kind: "run.ended", time: TIME, runId: "r" };
  const item = { ...end, run: { ...ASKED, status: "ok", request: REQUEST, response: RESPONSE } };
  expect(await append(item)).toEqual(["appended"]);
  expect(await append(item)).toEqual(["duplicate"]);

  await reopen({ prices: [], isCounting: false });

  expect(await append(item)).toEqual(["duplicate"]);
  expect(await append({ ...item, tags: ["other"] })).toEqual(["conflict"]);
});

test("a run whose start and end come apart is counted when it is whole", async () => {
  await append({ kind: "run.started", time: TIME, runId: "r", run: { ...ASKED, request: REQUEST } });
  await append({ kind: "run.ended", time: TIME, runId: "r", run: { type: "llm", response: RESPONSE } });
  await vi.waitFor(() => expect(pipeline.status().spool.nextOffset).toBe(3), PATIENCE);

  expect(await ended()).toMatchObject([
    { run: { status: "ok", usage: USAGE, cost: COST, pieces: [{}, {}] } },
  ]);
});

test("a run that was closed too early has the figures of its own end in the second revision", async () => {
  const writer = pipeline.intake.bootId;
  await append({ kind: "run.started", time: TIME, runId: "r", run: { ...ASKED, writer, request: REQUEST } });
  await reopen({ prices: [], isCounting: true });
  await vi.waitFor(
    () => expect(pipeline.status().spool.nextOffset, "the start and its closing").toBe(2),
    PATIENCE,
  );
  const run = { ...ASKED, status: "ok", request: REQUEST, response: RESPONSE };
  const late = { kind: "run.ended", time: TIME, runId: "r", run };

  expect(await append(late)).toEqual(["appended"]);
  await reopen({ prices: [], isCounting: false });
  expect(await append(late), "though it would not be counted now").toEqual(["duplicate"]);

  const [closing, revision] = await ended();
  expect(closing?.run).toMatchObject({ status: "incomplete", reason: "crash" });
  expect(closing?.run, "nobody knows what the model has read").not.toHaveProperty("usage");
  expect(revision?.run).toMatchObject({ revision: 2, status: "ok", usage: USAGE, cost: COST });
});

test("what a dead application left in a file is counted when it is adopted", async () => {
  const run = { ...ASKED, status: "ok", request: REQUEST, response: RESPONSE };
  const line = `${JSON.stringify({ kind: "run.ended", time: TIME, runId: "r", run })}\n`;
  const header = encodeSpillHeader({ pid: 7, hostName: "host" });
  const file = join(dataDir, "spill", spillFileName("0123456789abcdef0123456789abcdef", 1, "left"));
  mkdirSync(join(dataDir, "spill"), { recursive: true });
  writeFileSync(file, Buffer.concat([header, Buffer.from(line)]));

  const adopted = Promise.withResolvers<object>();
  const spill = openSpillSource({
    ...{ dataDir, intake: pipeline.intake, disk: systemDisk, clock: systemClock },
    ids: createIds(systemClock, systemRandom),
    processes: systemProcessTable,
    observer: { onAdopted: adopted.resolve, warn: adopted.reject },
  });
  expect(await adopted.promise).toMatchObject({ events: 1, refused: 0 });
  await spill.close();

  expect(await ended()).toMatchObject([{ run: { usage: USAGE, cost: COST } }]);
});

test("the dialects' runs are priced like any other", async () => {
  const event_type = "llm_response";
  const metadata = {
    provider: "openai",
    model: "gpt-4o",
    input_tokens: 1_000_000,
    output_tokens: 0,
    duration_ms: 5,
  };
  await append({ id: "0b5a1f6e-8c1d-4a3e-9f57-5a1d2c3b4e5f", event_type, metadata, created_at: TIME });

  expect(await ended()).toMatchObject([
    { run: { usage: { input: 1_000_000, source: "provider" }, cost: { totalUsd: 2.5, prices: "table" } } },
  ]);
});

test("100 KB of one letter hold up their own acknowledgement, and nobody's who has a usage", async () => {
  const usage = { input: 1, output: 1, source: "provider" } as const;
  const end = (runId: string, run: object) => ({
    kind: "run.ended",
    time: TIME,
    runId,
    run: { ...ASKED, status: "ok", ...run },
  });
  await append(end("warm", { request: REQUEST, response: RESPONSE }) as Json);
  const order: string[] = [];
  const appended = async (runId: string, run: object) => {
    await append(end(runId, run) as Json);
    order.push(runId);
  };

  const content = "a".repeat(100_000);
  const large = appended("large", {
    request: { ...REQUEST, input: [{ role: "user", content }] },
    response: RESPONSE,
  });
  await Promise.all([large, appended("small", { request: REQUEST, response: RESPONSE, usage })]);

  expect(order).toEqual(["small", "large"]);
  const counted = (await ended()).find(({ runId }) => runId === "large")?.run?.usage;
  expect(counted).toEqual({ input: 12_507, output: 2, source: "counted" });
});

test("closing does not wait for what is being counted, and loses none of it", async () => {
  const input = [{ role: "user", content: "a".repeat(400_000) }];
  const run = { ...ASKED, status: "ok", request: { ...REQUEST, input }, response: RESPONSE };
  const counting = append({ kind: "run.ended", time: TIME, runId: "r", run });

  await pipeline.close();
  const [status] = await counting;
  await open({ prices: [], isCounting: false });

  expect(["appended", "failed"]).toContain(status);
  expect(await ended()).toHaveLength(status === "appended" ? 1 : 0);
});
