import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeEvent, systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openPipeline, type Pipeline, type PipelineSink } from "./pipeline.ts";
import { sinkOfType } from "./sinks/registry.ts";
import { Received } from "./spool/received.ts";
import { FLAG_PARTIAL } from "./spool/spool.ts";
import { openVerification } from "./verify.ts";

let dataDir: string;
let pipeline: Pipeline;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "sluice-replay-"));
  await open();
});

afterEach(async () => {
  await pipeline.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function sink(more: Partial<PipelineSink> = {}): PipelineSink {
  const params = sinkOfType("file")?.options.parse({ path: "a.jsonl" }) ?? {};
  return { name: "a", type: "file", enabled: true, params, words: JSON.stringify(more), ...more };
}

async function open(): Promise<void> {
  pipeline = await openPipeline({
    dataDir,
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
    sinks: [sink()],
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
  });
}

async function append(from: number, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, index) => recordOf(from + index));
  for (const { status } of await pipeline.intake.append(records)) expect(status).toBe("appended");
}

function recordOf(second: number) {
  const id = `${second}`;
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  const received = new Received(Buffer.from(encodeEvent({ id, kind: "note.made", time })));
  return { id, kindCode: 0, flags: 0, received, body: received.bytes };
}

function settled(): Promise<void> {
  return vi.waitFor(() => {
    expect(pipeline.status().sinks.map(({ balance }) => balance.pending)).toEqual([0]);
  }, 20_000);
}

/** How often each was written. */
function counts(): ReadonlyMap<string, number> {
  const ids = readFileSync(join(dataDir, "a.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): string => JSON.parse(line).id);
  return new Map([...new Set(ids)].map((id) => [id, ids.filter((other) => other === id).length]));
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `${from + index}`);

test("a part of the log is sent once more, beside what is live, and each of it once", async () => {
  await append(0, 500);
  await settled();

  const plan = await pipeline.replays.plan(
    { sink: "a", from: 100, until: 400 },
    new AbortController().signal,
  );
  expect(plan).toMatchObject({ from: 100, until: 400, send: 300, skip: {}, gone: 0 });
  await pipeline.replays.start({ sink: "a", from: 100, until: 400 });
  await append(500, 100);
  await settled();

  const written = counts();
  expect(range(100, 400).filter((id) => written.get(id) !== 2)).toEqual([]);
  expect([...range(0, 100), ...range(400, 600)].filter((id) => written.get(id) !== 1)).toEqual([]);
  expect(pipeline.replays.finished).toMatchObject([
    { sink: "a", outcome: "done", balance: { accepted: 300, delivered: 300, pending: 0 } },
  ]);
  expect(pipeline.status().sinks.map((route) => route.route)).toEqual(["a"]);
});

test("a replay goes on after a restart, and after its sink was off, and sends what is left", async () => {
  await append(0, 60);
  await settled();
  await pipeline.replays.start({ sink: "a", rate: 5 });
  await vi.waitFor(() => expect(counts().get("0")).toBe(2), 5_000);

  await pipeline.close();
  await open();
  const replay = () => pipeline.status().sinks.find(({ route }) => route === "a@replay");
  expect(replay()?.balance.pending).toBeGreaterThan(0);
  await pipeline.applySinks([sink({ enabled: false })]);
  expect(replay()?.state).toMatchObject({ name: "paused" });
  await pipeline.applySinks([sink()]);
  await settled();

  expect(range(0, 60).filter((id) => (counts().get(id) ?? 0) < 2)).toEqual([]);
  await pipeline.close();
  expect(await openVerification({ dataDir, disk: systemDisk })).toMatchObject({ isGood: true });
}, 30_000);

test("a replay can be of a time, be the only one of its sink, and be ended", async () => {
  await append(0, 60);
  await settled();
  const since = "2026-01-01T00:00:20Z";
  const request = { sink: "a", since, before: "2026-01-01T00:00:50Z", rate: 2 };

  expect(await pipeline.replays.plan(request, new AbortController().signal)).toMatchObject({
    send: 30,
    skip: { filtered: 30 },
  });
  await pipeline.replays.start(request);
  await expect(pipeline.replays.start(request)).rejects.toThrow("is under way already");
  await vi.waitFor(() => expect(counts().get("20")).toBe(2), 5_000);
  const { outcome, balance } = await pipeline.replays.cancel("a");

  expect(outcome).toBe("cancelled");
  expect(balance.pending).toBeGreaterThan(0);
  expect([...counts()].filter(([, times]) => times > 1).map(([id]) => Number(id))).toSatisfy(
    (ids: number[]) => ids.every((id) => id >= 20 && id < 50),
  );
  await expect(pipeline.replays.cancel("a")).rejects.toThrow("There is no replay");
  await expect(pipeline.replays.start({ sink: "b" })).rejects.toThrow("There is no sink");
});

test("a plan tells apart what would be sent, left out and refused", async () => {
  await append(0, 3);
  const received = new Received(Buffer.from("no event"));
  await pipeline.intake.append([
    { id: "broken", kindCode: 0, flags: 0, received, body: received.bytes },
    { ...recordOf(3), flags: FLAG_PARTIAL },
  ]);
  await settled();

  const plan = await pipeline.replays.plan({ sink: "a" }, new AbortController().signal);

  expect(plan).toMatchObject({ from: 0, until: 5, send: 3, skip: { partial: 1 }, refuse: 1, gone: 0 });
});
