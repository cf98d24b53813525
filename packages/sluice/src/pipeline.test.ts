import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Event, kindCode } from "@sluice/sdk";
import {
  type Disk,
  deriveId,
  encodeEvent,
  faultyDisk,
  systemClock,
  systemDisk,
  systemRandom,
} from "@sluice/sdk/internal";
import { afterEach, expect, test, vi } from "vitest";
import { openPipeline, type Pipeline, type PipelineSink } from "./pipeline.ts";
import { sinkOfType } from "./sinks/registry.ts";
import { Received } from "./spool/received.ts";
import type { NewRecord } from "./spool/spool.ts";
import { someRecords } from "./testing/spool-fixture.ts";

const TIME = "2026-01-27T14:30:25.000Z";

let dataDir: string;
let pipeline: Pipeline;
afterEach(async () => {
  await pipeline.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function file(changes: Partial<PipelineSink> = {}): PipelineSink {
  const params = sinkOfType("file")?.options.parse({}) ?? {};
  return { name: "file", type: "file", enabled: true, params, ...changes };
}

function open(sinks: readonly PipelineSink[], disk: Disk = systemDisk): Promise<Pipeline> {
  return openPipeline({
    dataDir,
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
    sinks,
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    disk,
    random: systemRandom,
  });
}

async function setUp(sinks: readonly PipelineSink[]): Promise<void> {
  dataDir = mkdtempSync(join(tmpdir(), "sluice-pipeline-"));
  pipeline = await open(sinks);
}

async function reopen(sinks: readonly PipelineSink[]): Promise<void> {
  await pipeline.close();
  pipeline = await open(sinks);
}

function recordOf(event: Event): NewRecord {
  const received = new Received(Buffer.from(encodeEvent(event)));
  const { id, kind, runId = "" } = event;
  return { id, kindCode: kindCode(kind), flags: 0, runId, orderKey: runId, received, body: received.bytes };
}

async function written(): Promise<readonly Event[]> {
  await pipeline.drain(5_000);
  const text = readFileSync(join(dataDir, "events.jsonl"), "utf8");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

test("a run whose process died is closed, and its own end, coming late, is its second revision", async () => {
  await setUp([file()]);
  const run = { type: "llm", startTime: TIME, writer: pipeline.intake.bootId };
  await pipeline.intake.append([recordOf({ id: "s", kind: "run.started", time: TIME, runId: "r", run })]);
  await reopen([file()]);
  await vi.waitFor(() => expect(pipeline.status().spool.nextOffset, "the start and its closing").toBe(2));

  const id = deriveId("r", "ended");
  const ended = { type: "llm", startTime: TIME, status: "ok", response: { output: "yes" } } as const;
  const late = recordOf({ id, kind: "run.ended", time: TIME, runId: "r", run: ended });
  const [outcome] = await pipeline.intake.append([late]);

  expect(outcome?.status).toBe("appended");
  const ends = (await written()).filter((event) => event.kind === "run.ended");
  expect(ends.map((event) => [event.id, event.run?.status, event.run?.reason, event.run?.revision])).toEqual([
    [id, "incomplete", "crash", undefined],
    [deriveId("r", "ended:2"), "ok", undefined, 2],
  ]);
});

test("a sink that is switched off, or taken out, keeps its place and gets everything when it returns", async () => {
  await setUp([file()]);
  await pipeline.intake.append(someRecords(0, 5));
  await pipeline.drain(5_000);

  await reopen([file({ enabled: false })]);
  await pipeline.intake.append(someRecords(5, 5));
  expect(pipeline.status().sinks).toMatchObject([{ sink: "file", balance: { accepted: 10, pending: 5 } }]);
  await reopen([]);
  await pipeline.intake.append(someRecords(10, 5));
  expect(pipeline.status().sinks).toMatchObject([
    { sink: "file", state: { name: "paused", reason: expect.stringContaining("not in the configuration") } },
  ]);
  await reopen([file()]);

  expect((await written()).map((event) => event.id)).toEqual(someRecords(0, 15).map(({ id }) => id));
});

test("a new sink in a data directory that is not new starts now", async () => {
  await setUp([file()]);
  await pipeline.intake.append(someRecords(0, 3));
  const more = sinkOfType("file")?.options.parse({ path: "more.jsonl" }) ?? {};

  await reopen([file(), file({ name: "more", params: more })]);
  await pipeline.intake.append(someRecords(3, 2));
  await pipeline.drain(5_000);

  const balances = pipeline.status().sinks.map(({ sink, balance }) => [sink, balance.accepted]);
  expect(Object.fromEntries(balances)).toEqual({ file: 5, more: 2 });
});

test("another destination under a known name is refused, and nothing stays open", async () => {
  await setUp([file()]);
  await pipeline.close();
  const elsewhere = file({ params: sinkOfType("file")?.options.parse({ path: "elsewhere.jsonl" }) ?? {} });

  await expect(open([elsewhere])).rejects.toThrow(/had another type or destination before/);

  pipeline = await open([file()]);
  expect(pipeline.status().sinks).toHaveLength(1);
});

test("a stage that cannot be closed does not keep the others open", async () => {
  await setUp([file()]);
  await pipeline.close();
  const sick = faultyDisk(systemDisk, ({ operation, path }) =>
    operation === "close" && path.includes("deadletters/") ? { code: "EIO" } : undefined,
  );
  const failing = await open([file()], sick);

  await expect(failing.close()).rejects.toMatchObject({ code: "EIO" });

  pipeline = await open([file()]);
  expect(pipeline.status().sinks).toHaveLength(1);
});
