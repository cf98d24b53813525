import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { appendNotes } from "./pipeline.test-support.ts";
import { openPipeline, type Pipeline, type PipelineSink } from "./pipeline.ts";
import type { SinkDefinition } from "./sinks/define.ts";
import { sinkOfType } from "./sinks/registry.ts";

let dataDir: string;
let pipeline: Pipeline;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "sluice-sinks-"));
});

afterEach(async () => {
  await pipeline.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Each writes to a file of its own, which its later names share. */
function sink(name: string, more: Partial<PipelineSink> = {}, path = `${name}.jsonl`): PipelineSink {
  const params = sinkOfType("file")?.options.parse({ path }) ?? {};
  const words = JSON.stringify([name, path, more]);
  return { name, type: "file", enabled: true, params, words, ...more };
}

/** A type that cannot be opened. */
const broken: SinkDefinition = {
  ...(sinkOfType("file") as SinkDefinition),
  type: "broken",
  open: () => Promise.reject(new Error("no such volume")),
};

async function open(...sinks: readonly PipelineSink[]): Promise<void> {
  pipeline = await openPipeline({
    dataDir,
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
    sinks,
    sinkOfType: (type) => (type === "broken" ? broken : sinkOfType(type)),
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
  });
}

const append = (...ids: readonly string[]) => appendNotes(pipeline, ids);

/** Until every sink that runs has what was appended. */
async function settled(): Promise<void> {
  await vi.waitFor(() => {
    const running = pipeline.status().sinks.filter(({ state }) => state.name === "running");
    expect(running.map(({ balance }) => balance.pending)).toEqual(running.map(() => 0));
  });
}

function written(path: string): readonly string[] {
  const lines = readFileSync(join(dataDir, path), "utf8").trimEnd().split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line).id);
}

function balanceOf(name: string) {
  return pipeline.status().sinks.find((route) => route.sink === name)?.balance;
}

test("a sink that is added gets what comes from then on, and the others go on", async () => {
  await open(sink("a"));
  await append("1");
  await settled();

  const changes = await pipeline.applySinks([sink("a"), sink("b")]);
  await append("2");
  await settled();

  expect(changes).toEqual([{ sink: "b", change: "added" }]);
  expect([written("a.jsonl"), written("b.jsonl")]).toEqual([["1", "2"], ["2"]]);
});

test("a sink that is taken out keeps its backlog, and gets it when it comes back", async () => {
  await open(sink("a"), sink("b"));
  expect(await pipeline.applySinks([sink("a")])).toEqual([{ sink: "b", change: "removed" }]);
  await append("1", "2");
  await settled();
  expect(balanceOf("b")).toMatchObject({ pending: 2 });

  await pipeline.applySinks([sink("a"), sink("b")]);
  await settled();

  expect(written("b.jsonl")).toEqual(["1", "2"]);
  expect(balanceOf("b")).toMatchObject({ accepted: 2, delivered: 2 });
});

test("a sink is turned off and on again while events flow, and none is lost or sent twice", async () => {
  await open(sink("a"));
  await append("1");
  await settled();
  for (const turn of [2, 4, 6]) {
    await pipeline.applySinks([sink("a", { enabled: false })]);
    await append(`${turn}`);
    await pipeline.applySinks([sink("a")]);
    await append(`${turn + 1}`);
    await settled();
  }

  expect(written("a.jsonl")).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
  expect(balanceOf("a")).toMatchObject({ accepted: 7, delivered: 7, pending: 0 });
});

test("a sink goes on under another name where it stood", async () => {
  await open(sink("old", { enabled: false }));
  await append("1", "2");

  const renamed = sink("new", { was: "old" }, "old.jsonl");
  expect(await pipeline.applySinks([renamed])).toEqual([{ sink: "new", change: "added" }]);
  await append("3");
  await settled();
  await pipeline.close();
  await open(renamed);

  expect(written("old.jsonl")).toEqual(["1", "2", "3"]);
  expect(pipeline.status().sinks.map((route) => route.sink)).toEqual(["new"]);
  expect(balanceOf("new")).toMatchObject({ accepted: 3, delivered: 3 });
});

test("a sink that is forgotten gives its backlog up, counted, and leaves nothing behind", async () => {
  await open(sink("a"), sink("b"));
  await pipeline.applySinks([sink("a")]);
  await append("1", "2", "3");

  await expect(pipeline.forgetSink("a")).rejects.toThrow("is in the configuration");
  await expect(pipeline.forgetSink("c")).rejects.toThrow('There is no sink "c". There are: a, b.');
  expect(await pipeline.forgetSink("b")).toBe(3);

  await pipeline.close();
  await open(sink("a"));
  expect(pipeline.status().sinks.map((route) => route.sink)).toEqual(["a"]);
});

test("a configuration that cannot be is refused before anything has changed", async () => {
  await open(sink("a"));
  const elsewhere = sink("a", {}, "elsewhere.jsonl");

  await expect(pipeline.applySinks([sink("b"), elsewhere])).rejects.toThrow(
    "had another type or destination",
  );
  await expect(pipeline.applySinks([{ ...sink("c"), type: "nothing" }])).rejects.toThrow("Unknown sink type");

  expect(pipeline.status().sinks.map((route) => route.sink)).toEqual(["a"]);
  await append("1");
  await settled();
  expect(written("a.jsonl")).toEqual(["1"]);
});

test("a sink that cannot be opened says why, and keeps its backlog for when it can", async () => {
  await open(sink("a"));
  const changes = await pipeline.applySinks([sink("a"), { ...sink("b"), type: "broken" }]);
  expect(changes).toEqual([{ sink: "b", change: "failed", reason: "no such volume" }]);
  await append("1");

  expect(balanceOf("b")).toMatchObject({ pending: 1 });
});
