import { mkdtempSync, rmSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, expect, test, vi } from "vitest";
import { Secrets } from "../config/secrets.ts";
import type { Attempt, PipelineStatus, RouteStatus } from "../pipeline.ts";
import { openLogFile } from "./log-file.ts";
import { createLogger } from "./logger.ts";
import { METRICS } from "./metric-table.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createObserver } from "./observer.ts";

const open: { close(): void }[] = [];
const directories: string[] = [];

afterEach(() => {
  for (const resource of open.splice(0)) resource.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

test("each delivery attempt is one line with run, attempt, status, tokens and duration", () => {
  const { observer, lines } = setUp();

  observer.onAttempt(
    attempt({ runIds: ["run-1"], attempt: 2, httpStatus: 200, promptTokens: 11, completionTokens: 7 }),
  );

  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: 30,
    sink: "lunary",
    runId: "run-1",
    attempt: 2,
    status: 200,
    outcome: "delivered",
    promptTokens: 11,
    completionTokens: 7,
    durationMs: 12.3,
    events: 3,
  });
});

test("a failed attempt is a warning with its reason, and no line shows a secret", () => {
  const { observer, lines } = setUp();

  observer.onAttempt(attempt({ outcome: "retry", reason: "500 for key sk-secret-1", runIds: ["a", "b"] }));
  observer.onState("lunary", "paused", "401 for sk-secret-1");

  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: 40, outcome: "retry", runIds: ["a", "b"] });
  expect(JSON.parse(lines[1] ?? "")).toMatchObject({ level: 40, state: "paused" });
  expect(lines.join("")).not.toContain("sk-secret-1");
});

test("a flood is ten lines a second for a code, then one that counts the rest (S36)", async () => {
  const { logger, lines, clock } = setUp();

  for (let number = 0; number < 100_000; number++) logger.flood("bad_host", {}, "request refused");
  logger.flood("other", {}, "request refused");
  await clock.advance(1_000);
  logger.flood("bad_host", {}, "request refused");

  expect(lines).toHaveLength(13);
  expect(JSON.parse(lines[11] ?? "")).toMatchObject({ code: "bad_host", suppressed: 99_990 });
});

test("the log file is private, and a full one gives way and is kept once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-log-"));
  directories.push(directory);
  const path = join(directory, "sluice.log");
  const log = await openLogFile(path, systemDisk, 100);
  open.push(log);

  log.write(`${"a".repeat(99)}\n`);
  await vi.waitFor(async () => expect((await stat(`${path}.1`)).size).toBe(100));
  await vi.waitFor(async () => expect((await stat(path)).size).toBe(0));
  log.write("b\n");

  expect(await readFile(path, "utf8")).toBe("b\n");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("the metrics say what attempts, sources and ledgers say", async () => {
  const { metrics } = setUp();
  metrics.onAttempt(attempt({}));
  metrics.onAttempt(attempt({ outcome: "retry", reason: "500" }));
  metrics.onInFlight("lunary", 2);
  metrics.onAppended("proxy", [
    { status: "appended", offset: 0 },
    { status: "duplicate", offset: 0 },
    { status: "full", reason: "no space" },
  ]);
  metrics.onUncaptured("too_large");

  const text = await metrics.scrape();

  for (const line of [
    'sluice_events_received_total{source="proxy"} 3',
    'sluice_events_accepted_total{source="proxy"} 1',
    'sluice_events_refused_total{source="proxy",reason="full"} 1',
    'sluice_delivery_attempts_total{sink="lunary",outcome="retry"} 1',
    'sluice_delivery_failures_total{sink="lunary"} 1',
    'sluice_delivery_inflight{sink="lunary"} 2',
    'sluice_delivery_duration_seconds_count{sink="lunary"} 2',
    'sluice_events_delivered_total{sink="lunary"} 5',
    'sluice_sink_state{sink="lunary",state="waiting"} 1',
    'sluice_sink_balance_events{sink="lunary",term="skipped",reason="filtered"} 2',
    'sluice_sink_oldest_event_age_seconds{sink="lunary"} 1.5',
    'sluice_uncaptured_total{reason="too_large"} 1',
    "sluice_spool_bytes 300",
    'sluice_build_info{version="1.2.3"} 1',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});

test("scraping twice gives the ledger's figures, not their sum, and a state that is over is gone", async () => {
  const { metrics, state } = setUp();
  await metrics.scrape();
  state.name = "running";

  const text = await metrics.scrape();

  expect(text).toContain('sluice_events_delivered_total{sink="lunary"} 5\n');
  expect(text).toContain('sluice_sink_state{sink="lunary",state="running"} 1\n');
  expect(text).not.toContain('state="waiting"');
});

test("every metric has a name in base units, a help text, and is there from the first scrape", async () => {
  const text = await setUp().metrics.scrape();

  for (const { name, type, help } of METRICS) {
    expect(name).toMatch(/^sluice_[a-z_]+$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
    expect(help).toMatch(/\.$/);
    expect(text).toContain(`# HELP ${name} `);
  }
});

function setUp() {
  const lines: string[] = [];
  const clock = new ManualClock();
  const secrets = new Secrets();
  secrets.add("sk-secret-1");
  const logger = createLogger({
    level: "info",
    destination: { write: (line) => lines.push(line) },
    secrets,
    clock,
  });
  const state = { name: "waiting" };
  const metrics: Metrics = createMetrics({
    version: "1.2.3",
    status: () => pipelineStatus(state),
    live: () => ({ subscribers: 1, missed: 4 }),
  });
  open.push(metrics);
  return { lines, clock, logger, metrics, state, observer: createObserver(metrics, logger) };
}

function attempt(changes: Partial<Attempt>): Attempt {
  return {
    sink: "lunary",
    outcome: "delivered",
    attempt: 1,
    events: 3,
    durationMs: 12.34,
    runIds: [],
    ...changes,
  };
}

function pipelineStatus(state: { name: string }): PipelineStatus {
  const route: RouteStatus = {
    route: "lunary",
    sink: "lunary",
    type: "lunary",
    state,
    balance: {
      accepted: 10,
      pending: 3,
      delivered: 5,
      skipped: { filtered: 2 },
      deadLettered: 0,
      dropped: {},
    },
    lag: 3,
    oldestAgeMs: 1_500,
    inFlight: 1,
  };
  const spool = {
    path: "/spool",
    partitions: 1,
    firstOffset: 0,
    nextOffset: 10,
    bytes: 300,
    maxBytes: 1_000,
    damaged: 0,
  };
  return {
    bootId: "b",
    spool,
    sinks: [route],
    assembler: { ...route, route: "assembler", sink: "assembler" },
  };
}
