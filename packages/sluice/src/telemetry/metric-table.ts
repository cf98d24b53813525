/**
 * Every metric of ours, in one table: the registry and the reference page are made from it. Names are stable.
 */
export interface MetricEntry {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

export const METRICS = [
  { name: "sluice_build_info", type: "gauge", help: "1; the version is a label.", labels: ["version"] },
  {
    name: "sluice_events_received_total",
    type: "counter",
    help: "Events that a source handed to the spool since the start.",
    labels: ["source"],
  },
  {
    name: "sluice_events_accepted_total",
    type: "counter",
    help: "Events that were appended durably since the start.",
    labels: ["source"],
  },
  {
    name: "sluice_events_refused_total",
    type: "counter",
    help: "Events that were not appended since the start: duplicate, conflict, full or failed.",
    labels: ["source", "reason"],
  },
  {
    name: "sluice_events_delivered_total",
    type: "counter",
    help: "Events that the backend has, by the route's ledger. Survives restarts.",
    labels: ["sink"],
  },
  {
    name: "sluice_events_dead_lettered_total",
    type: "counter",
    help: "Events that the backend refused for good, by the route's ledger.",
    labels: ["sink"],
  },
  {
    name: "sluice_delivery_attempts_total",
    type: "counter",
    help: "Tries to deliver a batch, by what came of them.",
    labels: ["sink", "outcome"],
  },
  {
    name: "sluice_delivery_failures_total",
    type: "counter",
    help: "Tries that did not deliver everything.",
    labels: ["sink"],
  },
  {
    name: "sluice_delivery_duration_seconds",
    type: "histogram",
    help: "How long a try took.",
    labels: ["sink"],
  },
  { name: "sluice_delivery_inflight", type: "gauge", help: "Batches on the wire now.", labels: ["sink"] },
  {
    name: "sluice_sink_lag_events",
    type: "gauge",
    help: "Records that are not settled for this sink.",
    labels: ["sink"],
  },
  {
    name: "sluice_sink_backlog_bytes",
    type: "gauge",
    help: "Bytes that the spool keeps for this sink.",
    labels: ["sink"],
  },
  {
    name: "sluice_sink_backlog_max_bytes",
    type: "gauge",
    help: "Bytes that may wait for this sink; absent without backlog.max_bytes.",
    labels: ["sink"],
  },
  {
    name: "sluice_sink_oldest_event_age_seconds",
    type: "gauge",
    help: "Age of the oldest record that is not settled; 0 when there is none.",
    labels: ["sink"],
  },
  {
    name: "sluice_sink_trouble_since_timestamp_seconds",
    type: "gauge",
    help: "Since when the sink has been in trouble, in seconds since 1970; absent while it is well.",
    labels: ["sink"],
  },
  {
    name: "sluice_sink_next_try_timestamp_seconds",
    type: "gauge",
    help: "When a sink that waits is tried again, in seconds since 1970.",
    labels: ["sink"],
  },
  {
    name: "sluice_sink_state",
    type: "gauge",
    help: "1 for the state that the sink's route is in.",
    labels: ["sink", "state"],
  },
  {
    name: "sluice_sink_balance_events",
    type: "gauge",
    help: "The ledger: accepted = pending + delivered + dead_lettered + skipped + dropped, at any moment.",
    labels: ["sink", "term", "reason"],
  },
  { name: "sluice_spool_bytes", type: "gauge", help: "Bytes that the spool takes.", labels: [] },
  { name: "sluice_spool_max_bytes", type: "gauge", help: "Bytes that the spool may take.", labels: [] },
  { name: "sluice_spool_records", type: "gauge", help: "Records in the spool.", labels: [] },
  {
    name: "sluice_spool_full_in_seconds",
    type: "gauge",
    help: "When the spool is full at the rate of the last ten minutes; absent while it is not filling.",
    labels: [],
  },
  { name: "sluice_spool_refusing", type: "gauge", help: "1 while the spool takes no events.", labels: [] },
  {
    name: "sluice_spool_unsynced",
    type: "gauge",
    help: "Events acknowledged as `os` that are not on the disk yet.",
    labels: [],
  },
  {
    name: "sluice_spool_damaged_total",
    type: "counter",
    help: "Records that were lost to damage, ever, in this spool.",
    labels: [],
  },
  {
    name: "sluice_runs_metered_total",
    type: "counter",
    help: "Ends of runs that called a model, by whose figures their usage has (provider, counted, estimated; else why it has none) and whose prices their cost has (table, override, sender, none).",
    labels: ["usage", "prices"],
  },
  {
    name: "sluice_spill_files_total",
    type: "counter",
    help: "Files of applications that ended before they could send, adopted since the start. Their events count under the source spill.",
    labels: [],
  },
  {
    name: "sluice_spill_refused_lines_total",
    type: "counter",
    help: "Lines of adopted files that will never be taken. They are kept in a .refused file beside.",
    labels: [],
  },
  {
    name: "sluice_spill_torn_lines_total",
    type: "counter",
    help: "Lines of adopted files without an end: their emit had not returned when the application was killed.",
    labels: [],
  },
  {
    name: "sluice_uncaptured_total",
    type: "counter",
    help: "Events of calls that went through the proxy and were not captured.",
    labels: ["reason"],
  },
  {
    name: "sluice_http_refused_total",
    type: "counter",
    help: "Requests, and items of requests, that were refused.",
    labels: ["code"],
  },
  { name: "sluice_live_subscribers", type: "gauge", help: "Who watches live now.", labels: [] },
  {
    name: "sluice_live_missed_total",
    type: "counter",
    help: "Live entries that a slow viewer did not get. Delivery is not concerned.",
    labels: [],
  },
] as const satisfies readonly MetricEntry[];

export type MetricName = (typeof METRICS)[number]["name"];
