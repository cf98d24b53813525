import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { appendNotes } from "./pipeline.test-support.ts";
import { openPipeline, type Pipeline, type PipelineSink } from "./pipeline.ts";
import type { Sink, SinkDefinition } from "./sinks/define.ts";
import type { Delivery } from "./sinks/delivery.ts";
import { sinkOfType } from "./sinks/registry.ts";

// Two things at once: what a person changes while something else of the same sink is under way.

let dataDir: string;
let pipeline: Pipeline;
let warnings: string[];
/** What sinks of this test do; by default they take everything. */
let script: Partial<Sink> & { open?: () => Promise<void> };

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "sluice-changes-"));
  warnings = [];
  script = {};
});

afterEach(async () => {
  await pipeline.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Ten seconds, which a sink has to open, are a tenth of one here. */
const clock: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => systemClock.monotonicMs(),
  after: (ms, action) => systemClock.after(ms === 10_000 ? 100 : ms, action),
};

const scripted: SinkDefinition = {
  ...(sinkOfType("file") as SinkDefinition),
  destination: ({ path }) => String(path),
  async open() {
    await script.open?.();
    return {
      send: async () => ({ status: "delivered" }),
      check: async () => undefined,
      close: async () => {},
      ...script,
    };
  },
};

function sink(name: string, more: Partial<PipelineSink> = {}, path = name): PipelineSink {
  const words = JSON.stringify([name, path, more]);
  return { name, type: "scripted", enabled: true, params: { path }, words, ...more };
}

/** The same sink, configured in other words. */
const changed = (name: string) => sink(name, { retry: {} });

async function open(...sinks: readonly PipelineSink[]): Promise<void> {
  pipeline = await openPipeline({
    dataDir,
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
    sinks,
    sinkOfType: () => scripted,
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn: (message) => warnings.push(message) },
    clock,
    disk: systemDisk,
    random: systemRandom,
  });
}

const append = (...ids: readonly string[]) => appendNotes(pipeline, ids);

function settled(): Promise<void> {
  return vi.waitFor(() => {
    const running = pipeline.status().sinks.filter(({ state }) => state.name === "running");
    expect(running.map(({ balance }) => balance.pending)).toEqual(running.map(() => 0));
  }, 5_000);
}

const routes = () => pipeline.status().sinks.map(({ route, state }) => `${route} ${state.name}`);
const finished = () => pipeline.replays.finished.map(({ outcome, balance }) => [outcome, balance.delivered]);

/** A sink that keeps what it gets until it is told to stop, and has it all the same. */
function holding(): { readonly sent: () => number } {
  let sent = 0;
  script.send = (_batch, signal) => {
    sent++;
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve({ status: "delivered" }), { once: true });
    });
  };
  return { sent: () => sent };
}

test("a sink that gets another name and cannot be opened leaves nothing of the old one, and can be mended", async () => {
  await open(sink("old"));
  await append("1");
  await settled();

  script.open = () => Promise.reject(new Error("no such volume"));
  const changes = await pipeline.applySinks([sink("new", { was: "old" }, "old")]);
  expect(changes).toEqual([{ sink: "new", change: "failed", reason: "no such volume" }]);
  expect(routes()).toEqual(["new paused"]);
  await append("2");

  script = {};
  await pipeline.applySinks([sink("new", {}, "old")]);
  await settled();
  expect(pipeline.status().sinks).toMatchObject([{ route: "new", balance: { accepted: 2, delivered: 2 } }]);
});

test("another name and another destination at once is refused before anything has changed", async () => {
  await open(sink("old"));

  const elsewhere = sink("new", { was: "old" }, "elsewhere");
  await expect(pipeline.applySinks([elsewhere])).rejects.toThrow("had another type or destination");

  expect(routes()).toEqual(["old running"]);
});

test("what is in the configuration cannot be forgotten, also if it could not be opened", async () => {
  await open(sink("a"));
  script.open = () => Promise.reject(new Error("no such volume"));
  await pipeline.applySinks([sink("a"), sink("b")]);

  await expect(pipeline.forgetSink("b")).rejects.toThrow("is in the configuration");

  await pipeline.applySinks([sink("a")]);
  expect(await pipeline.forgetSink("b")).toBe(0);
});

test("a name that somebody else left does not keep its next owner when that is taken out", async () => {
  const renamed = sink("new", { was: "old" }, "old");
  await open(sink("old"));
  await pipeline.applySinks([renamed]);
  await pipeline.applySinks([renamed, sink("old", {}, "elsewhere")]);

  expect(await pipeline.applySinks([renamed])).toEqual([{ sink: "old", change: "removed" }]);
});

test("a sink that cannot be closed is replaced and taken out all the same, and the others change", async () => {
  script.close = () => Promise.reject(new Error("stuck"));
  await open(sink("a"), sink("b"));
  script = {};

  const changes = await pipeline.applySinks([changed("a"), sink("c")]);

  expect(changes.map(({ sink: name, change }) => [name, change])).toEqual([
    ["b", "removed"],
    ["a", "changed"],
    ["c", "added"],
  ]);
  expect(warnings).toContain('The sink "a" could not be closed: Error: stuck');
});

test("a sink that does not open keeps its backlog, holds up nobody, and is closed if it opens after all", async () => {
  await open(sink("a"));
  const late = Promise.withResolvers<void>();
  let closed = 0;
  script.open = () => late.promise;
  const [hung] = await pipeline.applySinks([sink("a"), sink("b")]);
  expect(hung).toEqual({ sink: "b", change: "failed", reason: '"b" did not open within 10 s' });

  script.close = async () => void closed++;
  late.resolve();
  await vi.waitFor(() => expect(closed).toBe(1));
  script = {};
  await append("1");
  expect(await pipeline.applySinks([sink("a"), sink("b")])).toMatchObject([{ sink: "b", change: "changed" }]);
  await settled();
});

test("a replay of nothing is over at once, and leaves nothing behind", async () => {
  await open(sink("a"));
  await append("1");
  await settled();

  await pipeline.replays.start({ sink: "a", from: 1 });

  await vi.waitFor(() => expect(finished()).toEqual([["done", 0]]));
  await pipeline.replays.start({ sink: "a" });
  await vi.waitFor(() => expect(routes()).toEqual(["a running"]));
});

test("a replay that is ended during its last batch ends once", async () => {
  await open(sink("a"));
  await append("1");
  await settled();
  const { sent } = holding();
  await pipeline.applySinks([changed("a")]);
  await pipeline.replays.start({ sink: "a" });
  await vi.waitFor(() => expect(sent()).toBe(1));

  expect(await pipeline.replays.cancel("a")).toMatchObject({ balance: { delivered: 1 } });
  await expect(pipeline.replays.cancel("a")).rejects.toThrow("There is no replay");

  expect(finished()).toEqual([["cancelled", 1]]);
});

test("a sink is changed during the last batch of its replay, and the replay is over", async () => {
  await open(sink("a"));
  await append("1");
  await settled();
  const { sent } = holding();
  await pipeline.applySinks([changed("a")]);
  await pipeline.replays.start({ sink: "a" });
  await vi.waitFor(() => expect(sent()).toBe(1));

  await pipeline.applySinks([sink("a")]);

  await vi.waitFor(() => expect(finished()).toEqual([["done", 1]]));
  expect(routes()).toEqual(["a running"]);
});

test("a replay goes along when its sink gets another name, and is over when that is forgotten", async () => {
  await open(sink("old"), sink("b"));
  await append("1", "2", "3");
  await settled();
  await pipeline.replays.start({ sink: "old", rate: 1 });

  await pipeline.applySinks([sink("new", { was: "old" }, "old"), sink("b")]);
  expect(routes()).toEqual(["b running", "new running", "new@replay running"]);
  await pipeline.close();
  await open(sink("new", {}, "old"), sink("b"));
  expect(routes()).toEqual(["new running", "b running", "new@replay running"]);

  await pipeline.applySinks([sink("b")]);
  await pipeline.forgetSink("new");
  expect(routes()).toEqual(["b running"]);
});

test("a replay holds up no stop, and goes on after it", async () => {
  await open(sink("a"));
  await append("1", "2", "3", "4", "5");
  await settled();
  await pipeline.replays.start({ sink: "a", rate: 0.01 });

  await pipeline.drain(60_000);
  await pipeline.close();

  await open(sink("a"));
  expect(routes()).toEqual(["a running", "a@replay running"]);
});

test("letters that are retried while their sink is changed are sent and noted, and none is lost", async () => {
  script.send = async () => ({ status: "rejected", reason: "no" });
  await open(sink("a"));
  await append("1", "2");
  await settled();
  const answer = Promise.withResolvers<Delivery>();
  let sent = 0;
  script.send = () => {
    sent++;
    return answer.promise;
  };
  await pipeline.applySinks([changed("a")]);

  const retrying = pipeline.letterDesk("a").retry({ offsets: [0] }, new AbortController().signal);
  await vi.waitFor(() => expect(sent).toBe(1));
  const changing = pipeline.applySinks([sink("a")]);
  await Promise.race([changing, new Promise(setImmediate)]);
  answer.resolve({ status: "delivered" });
  await changing;

  expect(await retrying).toEqual({ resolved: 1, refused: [] });
  const lines = readFileSync(join(dataDir, "deadletters/a.jsonl"), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).resolved)).toEqual(["retried", undefined]);
});

test("a stop in the midst of a change waits for no sink, and what comes after it changes nothing (P10)", async () => {
  const { sent } = holding();
  await open(sink("a"), sink("b"));
  await append("1");
  await vi.waitFor(() => expect(sent()).toBe(2));

  const changing = pipeline.applySinks([changed("a"), changed("b")]);
  const startMs = performance.now();
  await pipeline.close();

  expect(performance.now() - startMs).toBeLessThan(3_000);
  expect(await changing).toEqual([{ sink: "a", change: "changed" }]);
  expect(await pipeline.applySinks([sink("a"), sink("b"), sink("c")])).toEqual([]);
});

test("dead letters of a replay wait for its end, and are then sent again or given up", async () => {
  let refused: readonly string[] = [];
  script.send = async (batch) =>
    batch.some(({ id }) => refused.includes(id))
      ? { status: "rejected", reason: "no" }
      : { status: "delivered" };
  await open(sink("a"));
  await append("0", "1", "2");
  await settled();
  refused = ["0", "2"];
  await pipeline.replays.start({ sink: "a", rate: 1 });
  const signal = new AbortController().signal;
  const desk = pipeline.letterDesk("a@replay");
  await expect(desk.drop({})).rejects.toThrow("under way");
  await vi.waitFor(() => expect(finished()).toEqual([["done", 1]]), 15_000);

  const again = await desk.retry({ offsets: [0] }, signal);
  refused = [];
  const retried = await desk.retry({ offsets: [0] }, signal);
  const dropped = await desk.drop({});

  expect(again).toMatchObject({ resolved: 0, refused: [{ offset: 0, reason: "no" }] });
  expect([retried, dropped]).toEqual([
    { resolved: 1, refused: [] },
    { resolved: 1, refused: [] },
  ]);
}, 20_000);
