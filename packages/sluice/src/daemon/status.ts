import type { Config } from "../config/config.ts";
import type { Balance, PipelineStatus, RouteStatus } from "../pipeline.ts";

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

export interface SinkStatus {
  readonly name: string;
  readonly type: string;
  /** It is a replay to that sink, not its live route. */
  readonly replay?: true;
  /** healthy, degraded, unavailable, probing, paused, failed. */
  readonly state: string;
  /** What its route does: running, waiting, probing, paused, failed, draining, closed. */
  readonly route: string;
  /** Why it is not healthy. */
  readonly reason?: string;
  readonly balance: Balance;
  readonly lag: number;
  /** What the spool keeps for it, and its limit. */
  readonly backlog: RouteStatus["backlog"];
  readonly inFlight: number;
  readonly oldestAgeMs?: number;
  readonly lastError?: string;
  /** Since when it is not healthy. */
  readonly since?: string;
  /** When it is tried again. */
  readonly waitUntil?: string;
}

/** A route as people see it, without a secret in it: what a backend said may repeat the key. */
export function sinkStatus(route: RouteStatus, config: Config): SinkStatus {
  const { oldestAgeMs, lastError, waitUntilMs, troubleSinceMs, health } = route;
  return {
    name: route.sink,
    ...(route.route !== route.sink && { replay: true }),
    type: route.type,
    state: health.name,
    route: route.state.name,
    ...("reason" in health && { reason: config.secrets.redact(health.reason) }),
    balance: route.balance,
    lag: route.lag,
    backlog: route.backlog,
    inFlight: route.inFlight,
    ...(oldestAgeMs === undefined ? {} : { oldestAgeMs: Math.round(oldestAgeMs) }),
    ...(lastError === undefined ? {} : { lastError: config.secrets.redact(lastError) }),
    ...(troubleSinceMs === undefined ? {} : { since: new Date(troubleSinceMs).toISOString() }),
    ...(waitUntilMs === undefined ? {} : { waitUntil: new Date(waitUntilMs).toISOString() }),
  };
}
