import type { Attempt, PipelineObserver, RouteHealth } from "../pipeline.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";

/**
 * Turns what the pipeline tells into metrics and log lines: one line for each delivery attempt. Whoever
 * watches is shown health, too.
 */
export function createObserver(
  metrics: Metrics,
  logger: Logger,
  showHealth: (now: RouteHealth, was: string | undefined) => void,
): PipelineObserver {
  return {
    onAttempt(attempt) {
      metrics.onAttempt(attempt);
      if (attempt.outcome === "delivered" || attempt.outcome === "skipped") {
        logger.info(fieldsOf(attempt), "delivered");
      } else logger.warn(fieldsOf(attempt), "not delivered");
    },
    onHealth(now, was) {
      const { route, health, lastError } = now;
      const reason = "reason" in health ? health.reason : lastError;
      const fields = {
        sink: route,
        state: health.name,
        ...(was !== undefined && { was }),
        ...(reason !== undefined && { reason }),
      };
      if (GOOD_STATES.has(health.name)) logger.info(fields, "sink health");
      else logger.warn(fields, "sink health");
      showHealth(now, was);
    },
    onInFlight: (sink, batches) => metrics.onInFlight(sink, batches),
    onMetered: (metered) => metrics.onMetered(metered),
    warn: (message) => logger.flood("pipeline", {}, message),
  };
}

const GOOD_STATES: ReadonlySet<string> = new Set(["healthy", "probing"]);

/**
 * The first seed's fields: runId, attempt, status, promptTokens, completionTokens. One run has `runId`,
 * several `runIds`.
 */
function fieldsOf(attempt: Attempt): Readonly<Record<string, unknown>> {
  const { runIds, outcome, durationMs, ...rest } = attempt;
  return {
    ...rest,
    ...(runIds.length === 1 ? { runId: runIds[0] } : { runIds }),
    outcome,
    status: "httpStatus" in attempt ? attempt.httpStatus : outcome,
    durationMs: Math.round(durationMs * 10) / 10,
  };
}
