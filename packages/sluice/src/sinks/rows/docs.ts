/** What both databases have in common, for their reference pages. */
export const ROW_DOCS = {
  mapping: [
    [
      "every event",
      "a row of `events`: id, kind, time, ids, scope, user, tags, and `raw`, its JSON as it came",
    ],
    ["run.started", "a row of `runs` with `status` NULL: the run goes on"],
    ["run.ended", "the run's row of `runs`, complete"],
    ["run.ended, revision 2", "takes the place of revision 1, and never the other way round"],
    [
      "the usage",
      "`input_tokens` … `audio_output_tokens` (disjoint) and the sums `prompt_tokens`, `completion_tokens`, `total_tokens`",
    ],
    ["the cost", "`input_cost_usd`, `output_cost_usd`, `cost_usd`, `cost_prices`, `cost_is_estimate`"],
    ["a field that is not known", "NULL, never 0"],
  ],
  notes: [
    "An event has one row, whose key is its id, and a run one, whose key is its run id: a retry, a replay or a redelivery after a crash makes no second one. A batch is one transaction.",
    "`runs` has run_id, event_id, revision, type, name, provider, operation, request_model, response_model, response_id, stream, status, reason, start_time, first_token_time, end_time, duration_ms, ttft_ms, the token and cost columns, usage_source, error_type, error_code, error_message, http_status, finish_reasons, parent_run_id, trace_id, session_id, user_id, tags, metadata.",
    "Views: `usage_by_model_and_day` (runs, failed_runs, tokens, cost_usd, and how many runs have no known tokens or cost), `failures_by_day` (by model, status, reason, error_type, http_status), `session_totals`. Tokens and costs of agents and chains are left out of them: they are those of their calls. Days are UTC, by the start of the run.",
    "Tokens and cost of the last week: `SELECT day, model, total_tokens, cost_usd FROM usage_by_model_and_day ORDER BY day DESC, cost_usd DESC LIMIT 50`. The slowest answers: `SELECT run_id, ttft_ms, duration_ms FROM runs WHERE type = 'llm' ORDER BY ttft_ms DESC LIMIT 20`.",
    "The tables are made and brought up to date by the sink, forward only (`sluice_migrations` says how far); several daemons may start at once. Views and indexes of your own are left alone; a column of your own in our tables is yours to keep nullable.",
    "Half surrogate pairs and NUL characters, which a database cannot hold, become U+FFFD in columns.",
  ],
} as const;
