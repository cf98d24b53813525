import { afterEach, expect, test } from "vitest";
import type { Attempt, PipelineStatus, RouteStatus } from "../pipeline.ts";
import { METRICS } from "./metric-table.ts";
import { createMetrics, type Metrics } from "./metrics.ts";

const open: { close(): void }[] = [];

afterEach(() => {
  for (const resource of open.splice(0)) resource.close();
});

test("the metrics say what attempts, sources and ledgers say", async () => {
  const { metrics } = setUp();
  metrics.onAttempt(attempt({}));
  metrics.onAttempt(attempt({ outcome: "retry", reason: "500" }));
  metrics.onInFlight("lunary", 2);
  const outcomes = [
    { status: "appended", offset: 0 },
    { status: "duplicate", offset: 0 },
    { status: "full", reason: "no space" },
  ];
  metrics.onAppended("proxy", outcomes);
  metrics.onUncaptured("too_large", 2);

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
    'sluice_sink_state{sink="lunary",state="probing"} 1',
    'sluice_sink_balance_events{sink="lunary",term="skipped",reason="filtered"} 2',
    'sluice_sink_oldest_event_age_seconds{sink="lunary"} 1.5',
    'sluice_sink_trouble_since_timestamp_seconds{sink="lunary"} 1700000000.5',
    'sluice_sink_next_try_timestamp_seconds{sink="lunary"} 1700000030.5',
    'sluice_uncaptured_total{reason="too_large"} 2',
    "sluice_spool_bytes 300",
    'sluice_build_info{version="1.2.3"} 1',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});

test("scraping twice gives the ledger's figures, not their sum, and a state that is over is gone", async () => {
  const { metrics, health } = setUp();
  await metrics.scrape();
  health.name = "healthy";

  const text = await metrics.scrape();

  expect(text).toContain('sluice_events_delivered_total{sink="lunary"} 5\n');
  expect(text).toContain('sluice_sink_state{sink="lunary",state="healthy"} 1\n');
  expect(text).not.toContain('state="probing"');
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
  const health: { name: "healthy" | "probing" } = { name: "probing" };
  const metrics: Metrics = createMetrics({
    version: "1.2.3",
    status: () => pipelineStatus(health),
    live: () => ({ subscribers: 1, missed: 4 }),
  });
  open.push(metrics);
  return { metrics, health };
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

function pipelineStatus(health: { readonly name: "healthy" | "probing" }): PipelineStatus {
  const route: RouteStatus = {
    route: "lunary",
    sink: "lunary",
    type: "lunary",
    state: { name: "running" },
    health,
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
    troubleSinceMs: 1_700_000_000_500,
    waitUntilMs: 1_700_000_030_500,
    backlog: { bytes: 4_096, maxBytes: 8_192, whenFull: "drop_oldest" },
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
    unsynced: 0,
  };
  return {
    bootId: "b",
    spool,
    sinks: [route],
    assembler: { ...route, route: "assembler", sink: "assembler" },
  };
}
