import type { Cost, Event, Run, Usage } from "@sluice/sdk";
import { completionTokensOf, promptTokensOf, totalOf } from "@sluice/sdk/internal";

/**
 * What a column holds. `whole` is a whole number, `flag` a boolean, `json` JSON text. The tables themselves
 * stand in `migrations.ts`: a new column is a line here and a migration there.
 */
export type ColumnType = "text" | "time" | "whole" | "real" | "flag" | "json";

/** One column: its name, what it holds, and where that stands. What is no such thing is stored as NULL. */
export type Column<Source> = readonly [name: string, type: ColumnType, of: (source: Source) => unknown];

export const EVENT_COLUMNS: readonly Column<Event>[] = [
  ["id", "text", (event) => event.id],
  ["kind", "text", (event) => event.kind],
  ["time", "time", (event) => event.time],
  ["run_id", "text", (event) => event.runId],
  ["parent_run_id", "text", (event) => event.parentRunId],
  ["trace_id", "text", (event) => event.traceId],
  ["session_id", "text", (event) => event.session?.id],
  ["scope", "text", (event) => event.scope?.kind],
  ["user_id", "text", userOf],
  ["tags", "json", (event) => event.tags],
];

/** An event of a run, with its parts at hand. */
export interface RunSource {
  readonly event: Event;
  readonly run: Run;
  readonly usage: Usage | undefined;
  readonly cost: Cost | undefined;
  /** Has it ended? A start has the same columns, and fewer of them filled. */
  readonly isEnd: boolean;
}

export const RUN_COLUMNS: readonly Column<RunSource>[] = [
  ["run_id", "text", ({ event }) => event.runId],
  ["event_id", "text", ({ event }) => event.id],
  // A start is 0, so that no start, however late or often it comes, takes the place of an end.
  ["revision", "whole", ({ run, isEnd }) => (isEnd ? (run.revision ?? 1) : 0)],
  ["type", "text", ({ run }) => run.type],
  ["name", "text", ({ run }) => run.name],
  ["provider", "text", ({ run }) => run.provider],
  ["operation", "text", ({ run }) => run.operation],
  ["request_model", "text", ({ run }) => run.request?.model],
  ["response_model", "text", ({ run }) => run.response?.model],
  ["response_id", "text", ({ run }) => run.response?.id],
  ["stream", "flag", ({ run }) => run.request?.stream],
  ["status", "text", ({ run }) => run.status],
  ["reason", "text", ({ run }) => run.reason],
  ["start_time", "time", ({ event, run }) => run.startTime ?? event.time],
  ["first_token_time", "time", ({ run }) => run.firstTokenTime],
  ["end_time", "time", endTime],
  ["duration_ms", "whole", (source) => between(source.run.startTime, endTime(source))],
  ["ttft_ms", "whole", ({ run }) => between(run.startTime, run.firstTokenTime)],
  ["input_tokens", "whole", ({ usage }) => usage?.input],
  ["cache_read_tokens", "whole", ({ usage }) => usage?.cacheRead],
  ["cache_write_5m_tokens", "whole", ({ usage }) => usage?.cacheWrite5m],
  ["cache_write_1h_tokens", "whole", ({ usage }) => usage?.cacheWrite1h],
  ["audio_input_tokens", "whole", ({ usage }) => usage?.audioInput],
  ["output_tokens", "whole", ({ usage }) => usage?.output],
  ["reasoning_tokens", "whole", ({ usage }) => usage?.reasoning],
  ["audio_output_tokens", "whole", ({ usage }) => usage?.audioOutput],
  ["prompt_tokens", "whole", ({ usage }) => promptTokensOf(usage)],
  ["completion_tokens", "whole", ({ usage }) => completionTokensOf(usage)],
  ["total_tokens", "whole", ({ usage }) => totalOf(promptTokensOf(usage), completionTokensOf(usage))],
  ["usage_source", "text", ({ usage }) => usage?.source],
  ["input_cost_usd", "real", ({ cost }) => cost?.inputUsd],
  ["output_cost_usd", "real", ({ cost }) => cost?.outputUsd],
  ["cost_usd", "real", ({ cost }) => cost?.totalUsd],
  ["cost_prices", "text", ({ cost }) => cost?.prices],
  ["cost_is_estimate", "flag", ({ cost }) => cost && (cost.isEstimate ?? false)],
  ["error_type", "text", ({ run }) => run.error?.type],
  ["error_code", "text", ({ run }) => run.error?.code],
  ["error_message", "text", ({ run }) => run.error?.message],
  ["http_status", "whole", ({ run }) => run.http?.status ?? run.error?.status],
  ["finish_reasons", "json", ({ run }) => run.response?.finishReasons],
  ["parent_run_id", "text", ({ event }) => event.parentRunId],
  ["trace_id", "text", ({ event }) => event.traceId],
  ["session_id", "text", ({ event }) => event.session?.id],
  ["user_id", "text", ({ event }) => userOf(event)],
  ["tags", "json", ({ event }) => event.tags],
  ["metadata", "json", ({ event }) => event.metadata],
];

function userOf({ scope }: Event): unknown {
  return scope?.kind === "user" ? scope.id : undefined;
}

function endTime({ event, isEnd }: RunSource): string | undefined {
  return isEnd ? event.time : undefined;
}

/** Absent where one end is not known, or the clocks contradict each other: a duration is never below 0. */
function between(from: string | undefined, to: string | undefined): number | undefined {
  if (from === undefined || to === undefined) return undefined;
  const passedMs = Date.parse(to) - Date.parse(from);
  return passedMs >= 0 ? passedMs : undefined;
}
