import type { Config } from "../config/config.ts";
import type { Balance, PipelineStatus, RouteHealth, RouteStatus } from "../pipeline.ts";

/** What `sluice status --json` prints. Fields are added, never renamed. */
export interface DaemonStatus {
  readonly state: "ready" | "draining";
  readonly pid: number;
  readonly url: string;
  readonly version: string;
  readonly bootId: string;
  readonly startedAt: string;
  readonly dataDir: string;
  /** Where settings came from, first to last. */
  readonly configuration: readonly string[];
  readonly spool: PipelineStatus["spool"];
  readonly sinks: readonly SinkStatus[];
  /** The built-in route that joins the pieces of runs. */
  readonly assembler: SinkStatus;
  readonly live: { readonly subscribers: number; readonly missed: number };
}

export interface SinkHealth {
  readonly name: string;
  /** It is a replay to that sink, not its live route. */
  readonly replay?: true;
  /** healthy, degraded, unavailable, probing, paused, failed. */
  readonly state: string;
  /** Why it is not healthy. */
  readonly reason?: string;
  readonly lastError?: string;
  /** Since when it is not healthy. */
  readonly since?: string;
  /** When it is tried again. */
  readonly waitUntil?: string;
}

export interface SinkStatus extends SinkHealth {
  readonly type: string;
  /** What its route does: running, waiting, probing, paused, failed, draining, closed. */
  readonly route: string;
  readonly balance: Balance;
  readonly lag: number;
  /** What the spool keeps for it, and its limit. */
  readonly backlog: RouteStatus["backlog"];
  readonly inFlight: number;
  readonly oldestAgeMs?: number;
}

/** Without a secret in it: what a backend said may repeat the key. */
export function sinkHealth(route: RouteHealth, { secrets }: Config): SinkHealth {
  const { health, lastError, waitUntilMs, troubleSinceMs } = route;
  return {
    name: route.sink,
    ...(route.route !== route.sink && { replay: true }),
    state: health.name,
    ...("reason" in health && { reason: secrets.redact(health.reason) }),
    ...(lastError !== undefined && { lastError: secrets.redact(lastError) }),
    ...(troubleSinceMs !== undefined && { since: new Date(troubleSinceMs).toISOString() }),
    ...(waitUntilMs !== undefined && { waitUntil: new Date(waitUntilMs).toISOString() }),
  };
}

/** A route as people see it. */
export function sinkStatus(route: RouteStatus, config: Config): SinkStatus {
  const { oldestAgeMs } = route;
  return {
    ...sinkHealth(route, config),
    type: route.type,
    route: route.state.name,
    balance: route.balance,
    lag: route.lag,
    backlog: route.backlog,
    inFlight: route.inFlight,
    ...(oldestAgeMs !== undefined && { oldestAgeMs: Math.round(oldestAgeMs) }),
  };
}
