/** How a database spells what the schema is made of. */
export interface Dialect {
  /** Before the name of each table and view. */
  readonly prefix: string;
  readonly time: string;
  readonly whole: string;
  readonly real: string;
  readonly flag: string;
  readonly json: string;
  /** JSON that must stay as it is, byte for byte. */
  readonly raw: string;
  /** The day in UTC of a time. */
  day(time: string): string;
  /** A sum of whole numbers. */
  sum(whole: string): string;
  /** An index for `=` on a text of any length. */
  anyLength(column: string): string;
}

/**
 * The schema's history, oldest first: entry n brings it from version n to n + 1. What stands here has been
 * run on somebody's data, so an entry never changes: a change is another entry.
 */
export function migrationsFor(dialect: Dialect): readonly (readonly string[])[] {
  return [first(dialect)];
}

function first({ prefix, time, whole, real, flag, json, raw, day, sum, anyLength }: Dialect): string[] {
  const model = "coalesce(response_model, request_model)";
  // What an agent or a chain says it took is what its calls took, and would count twice.
  const ofCalls = (column: string) =>
    `CASE WHEN coalesce(type, '') NOT IN ('agent', 'chain') THEN ${column} END`;
  return [
    `CREATE TABLE ${prefix}events (
      id text NOT NULL PRIMARY KEY, kind text, time ${time},
      run_id text, parent_run_id text, trace_id text, session_id text, scope text, user_id text,
      tags ${json}, raw ${raw} NOT NULL
    )`,
    `CREATE INDEX events_by_time ON ${prefix}events (time)`,
    `CREATE INDEX events_by_run ON ${prefix}events (run_id)`,
    `CREATE TABLE ${prefix}runs (
      run_id text NOT NULL PRIMARY KEY, event_id text NOT NULL, revision ${whole} NOT NULL,
      type text, name text, provider text, operation text,
      request_model text, response_model text, response_id text, stream ${flag},
      status text, reason text,
      start_time ${time}, first_token_time ${time}, end_time ${time}, duration_ms ${whole}, ttft_ms ${whole},
      input_tokens ${whole}, cache_read_tokens ${whole},
      cache_write_5m_tokens ${whole}, cache_write_1h_tokens ${whole}, audio_input_tokens ${whole},
      output_tokens ${whole}, reasoning_tokens ${whole}, audio_output_tokens ${whole},
      prompt_tokens ${whole}, completion_tokens ${whole}, total_tokens ${whole}, usage_source text,
      input_cost_usd ${real}, output_cost_usd ${real}, cost_usd ${real}, cost_prices text,
      cost_is_estimate ${flag},
      error_type text, error_code text, error_message text, http_status ${whole}, finish_reasons ${json},
      parent_run_id text, trace_id text, session_id text, user_id text, tags ${json}, metadata ${json}
    )`,
    `CREATE INDEX runs_by_start ON ${prefix}runs (start_time)`,
    `CREATE INDEX runs_by_trace ON ${prefix}runs (trace_id)`,
    `CREATE INDEX runs_by_session ON ${prefix}runs ${anyLength("session_id")}`,
    // The sum of no known cost is NULL, and not 0: so do both databases.
    `CREATE VIEW ${prefix}usage_by_model_and_day AS
      SELECT ${day("start_time")} AS day, provider, ${model} AS model,
        count(*) AS runs,
        count(CASE WHEN status <> 'ok' THEN 1 END) AS failed_runs,
        ${sum("prompt_tokens")} AS prompt_tokens,
        ${sum("completion_tokens")} AS completion_tokens,
        ${sum("total_tokens")} AS total_tokens,
        ${sum("cache_read_tokens")} AS cache_read_tokens,
        ${sum("reasoning_tokens")} AS reasoning_tokens,
        sum(cost_usd) AS cost_usd,
        count(*) - count(total_tokens) AS runs_without_tokens,
        count(*) - count(cost_usd) AS runs_without_cost
      FROM ${prefix}runs
      WHERE status IS NOT NULL AND ${model} IS NOT NULL AND coalesce(type, '') NOT IN ('agent', 'chain')
      GROUP BY 1, 2, 3`,
    `CREATE VIEW ${prefix}failures_by_day AS
      SELECT ${day("start_time")} AS day, provider, ${model} AS model, type, status, reason,
        error_type, http_status, count(*) AS runs
      FROM ${prefix}runs
      WHERE status <> 'ok'
      GROUP BY 1, 2, 3, 4, 5, 6, 7, 8`,
    `CREATE VIEW ${prefix}session_totals AS
      SELECT session_id, min(user_id) AS user_id, min(start_time) AS first_time,
        max(coalesce(end_time, start_time)) AS last_time,
        count(*) AS runs,
        count(CASE WHEN status <> 'ok' THEN 1 END) AS failed_runs,
        ${sum(ofCalls("total_tokens"))} AS total_tokens,
        sum(${ofCalls("cost_usd")}) AS cost_usd
      FROM ${prefix}runs
      WHERE session_id IS NOT NULL
      GROUP BY session_id`,
  ];
}

/** What to say to somebody whose database is ahead of the program. */
export function newerSchema(found: number, known: number): string {
  return `its tables were made by a newer sluice (schema ${found}, this one knows ${known}): update sluice, or give this sink another place`;
}
