import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Attempt, Balance, Metered, PipelineStatus, RouteStatus } from "../pipeline.ts";
import { METRICS, type MetricName } from "./metric-table.ts";

/**
 * What Prometheus scrapes. Labels are names from the configuration and words of ours, never anything a user
 * sent: that bounds the series. What the ledgers count (delivered, skipped …) is read from them at each
 * scrape, so that metrics and `status` can never disagree and survive a restart; the rest counts from the
 * start of the process.
 */
export interface Metrics {
  /** In the Prometheus text format. Reads the pipeline once. */
  scrape(): Promise<string>;
  onAttempt(attempt: Attempt): void;
  onInFlight(sink: string, batches: number): void;
  /** What became of the records a source handed over. */
  onAppended(source: string, outcomes: readonly { readonly status: string }[]): void;
  /** Events of calls that went through the proxy and were not captured. */
  onUncaptured(reason: string, events: number): void;
  /** A run that called a model came to its end. */
  onMetered(metered: Metered): void;
  /** A dead application's file was adopted. */
  onSpillAdopted(file: { readonly refused: number; readonly torn: number }): void;
  /** A request, or an item of one, was refused. */
  onRefused(code: string): void;
  close(): void;
}

export interface MetricsOptions {
  readonly version: string;
  /** Undefined before the pipeline is open and after it closed. */
  status(): PipelineStatus | undefined;
  live(): { readonly subscribers: number; readonly missed: number } | undefined;
}

/** From a local file (1 ms) to a backend that uses up its time-out. */
const DURATION_BUCKETS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map<MetricName, Counter>();
  const gauges = new Map<MetricName, Gauge>();
  const histograms = new Map<MetricName, Histogram>();
  for (const { name, type, help, labels } of METRICS) {
    const shape = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === "counter") counters.set(name, new Counter(shape));
    else if (type === "gauge") gauges.set(name, new Gauge(shape));
    else histograms.set(name, new Histogram({ ...shape, buckets: DURATION_BUCKETS_S }));
  }
  const count = (name: MetricName, labels: Record<string, string>, by = 1) =>
    counters.get(name)?.inc(labels, by);
  const gauge = (name: MetricName, labels: Record<string, string>, value: number) =>
    gauges.get(name)?.set(labels, value);
  gauge("sluice_build_info", { version: options.version }, 1);

  const readPipeline = (status: PipelineStatus) => {
    for (const name of READ_AT_SCRAPE) {
      counters.get(name)?.reset();
      gauges.get(name)?.reset();
    }
    gauge("sluice_spool_bytes", {}, status.spool.bytes);
    gauge("sluice_spool_max_bytes", {}, status.spool.maxBytes);
    if (status.spool.fullInMs !== undefined)
      gauge("sluice_spool_full_in_seconds", {}, status.spool.fullInMs / 1_000);
    gauge("sluice_spool_records", {}, status.spool.nextOffset - status.spool.firstOffset);
    gauge("sluice_spool_refusing", {}, status.spool.refusing === undefined ? 0 : 1);
    gauge("sluice_spool_unsynced", {}, status.spool.unsynced);
    count("sluice_spool_damaged_total", {}, status.spool.damaged);
    for (const route of [...status.sinks, status.assembler]) readRoute(route);
  };

  const readRoute = (route: RouteStatus) => {
    // A replay's own, beside its sink's.
    const sink = route.route;
    gauge("sluice_sink_lag_events", { sink }, route.lag);
    gauge("sluice_sink_backlog_bytes", { sink }, route.backlog.bytes);
    if (route.backlog.maxBytes !== undefined) {
      gauge("sluice_sink_backlog_max_bytes", { sink }, route.backlog.maxBytes);
    }
    gauge("sluice_sink_oldest_event_age_seconds", { sink }, (route.oldestAgeMs ?? 0) / 1_000);
    if (route.troubleSinceMs !== undefined)
      gauge("sluice_sink_trouble_since_timestamp_seconds", { sink }, route.troubleSinceMs / 1_000);
    if (route.waitUntilMs !== undefined)
      gauge("sluice_sink_next_try_timestamp_seconds", { sink }, route.waitUntilMs / 1_000);
    gauge("sluice_sink_state", { sink, state: route.health.name }, 1);
    count("sluice_events_delivered_total", { sink }, route.balance.delivered);
    count("sluice_events_dead_lettered_total", { sink }, route.balance.deadLettered);
    for (const [term, reason, events] of termsOf(route.balance)) {
      gauge("sluice_sink_balance_events", { sink, term, reason }, events);
    }
  };

  return {
    async scrape() {
      const status = options.status();
      if (status) readPipeline(status);
      const live = options.live();
      gauge("sluice_live_subscribers", {}, live?.subscribers ?? 0);
      counters.get("sluice_live_missed_total")?.reset();
      count("sluice_live_missed_total", {}, live?.missed ?? 0);
      return registry.metrics();
    },
    onAttempt({ sink, outcome, durationMs }) {
      count("sluice_delivery_attempts_total", { sink, outcome });
      const isFailure = outcome !== "delivered" && outcome !== "skipped";
      count("sluice_delivery_failures_total", { sink }, isFailure ? 1 : 0);
      histograms.get("sluice_delivery_duration_seconds")?.observe({ sink }, durationMs / 1_000);
    },
    onInFlight: (sink, batches) => gauge("sluice_delivery_inflight", { sink }, batches),
    onAppended(source, outcomes) {
      count("sluice_events_received_total", { source }, outcomes.length);
      const byStatus = Map.groupBy(outcomes, ({ status }) => status);
      for (const [status, { length }] of byStatus) {
        if (status === "appended") count("sluice_events_accepted_total", { source }, length);
        else count("sluice_events_refused_total", { source, reason: status }, length);
      }
    },
    onMetered({ usage, prices }) {
      count("sluice_runs_metered_total", { usage, prices });
    },
    onSpillAdopted({ refused, torn }) {
      count("sluice_spill_files_total", {});
      count("sluice_spill_refused_lines_total", {}, refused);
      count("sluice_spill_torn_lines_total", {}, torn);
    },
    onUncaptured: (reason, events) => count("sluice_uncaptured_total", { reason }, events),
    onRefused: (code) => count("sluice_http_refused_total", { code }),
    close: () => registry.clear(),
  };
}

/** The balance as (term, reason, events); the reason is empty for terms that have none. */
function* termsOf(balance: Balance): Generator<readonly [string, string, number]> {
  yield ["accepted", "", balance.accepted];
  yield ["pending", "", balance.pending];
  yield ["delivered", "", balance.delivered];
  yield ["dead_lettered", "", balance.deadLettered];
  for (const [reason, events] of Object.entries(balance.skipped)) yield ["skipped", reason, events];
  for (const [reason, events] of Object.entries(balance.dropped)) yield ["dropped", reason, events];
}

/** Emptied before each reading, so that a sink, a state or a reason that is gone does not stay. */
const READ_AT_SCRAPE: readonly MetricName[] = [
  "sluice_spool_full_in_seconds",
  "sluice_spool_damaged_total",
  "sluice_sink_lag_events",
  "sluice_sink_backlog_bytes",
  "sluice_sink_backlog_max_bytes",
  "sluice_sink_oldest_event_age_seconds",
  "sluice_sink_trouble_since_timestamp_seconds",
  "sluice_sink_next_try_timestamp_seconds",
  "sluice_sink_state",
  "sluice_events_delivered_total",
  "sluice_events_dead_lettered_total",
  "sluice_sink_balance_events",
];
