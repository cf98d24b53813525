import type { Clock } from "@sluice/sdk/internal";
import type { Spool } from "../spool/spool.ts";
import { takeLedger } from "./ledger/take-ledger.ts";
import type { Retained } from "./retention.ts";
import type { RouteStatus } from "./route.ts";
import type { RouteEntry } from "./route-registry.ts";

/**
 * A route that nobody runs: its sink is disabled, or missing from the configuration. It keeps its place and
 * its backlog.
 */
export interface IdleRoute extends Retained {
  readonly status: RouteStatus;
}

export interface IdleRouteOptions {
  readonly spool: Spool;
  readonly partition?: number;
  readonly entry: RouteEntry;
  /** Why, as a person reads it in `sluice status`. */
  readonly reason: string;
  readonly clock: Clock;
}

export async function openIdleRoute(options: IdleRouteOptions): Promise<IdleRoute> {
  const { spool, partition = 0, entry, reason, clock } = options;
  const { name, type } = entry;
  const { ledger } = await takeLedger(spool, { ...entry, partition });
  const state = { name: "paused", reason, sinceMs: clock.nowMs() } as const;
  return {
    lowOffset: ledger.low,
    // What it stands for was stored when the route last ran.
    sync: () => Promise.resolve(true),
    get status() {
      const balance = ledger.balance(spool.state.nextOffset);
      const health = { name: "paused", reason } as const;
      return { route: name, sink: name, type, state, health, balance, lag: balance.pending, inFlight: 0 };
    },
  };
}
