import type { Clock } from "@sluice/sdk/internal";
import type { Spool } from "../spool/spool.ts";
import { BACKLOG_FULL, NO_LIMIT } from "./backlog.ts";
import { DEFAULT_FIGURES } from "./figures.ts";
import { encodeLedger } from "./ledger/ledger-codec.ts";
import { LedgerWriter } from "./ledger/ledger-writer.ts";
import { takeLedger } from "./ledger/take-ledger.ts";
import type { Route } from "./route.ts";
import type { RouteEntry } from "./route-registry.ts";

/**
 * A route that nobody runs: its sink is disabled, or missing from the configuration. It keeps its place and
 * its backlog, up to the limit that routes.json has for it.
 */
export interface IdleRoute extends Omit<Route, "wake" | "drain" | "rest"> {
  /** Settles all of its backlog as dropped, durably; says how many events that were. Rejects if the disk does. */
  giveUp(): Promise<number>;
}

/** Why events are dropped of a sink that is forgotten. */
const SINK_REMOVED = "sink_removed";

export interface IdleRouteOptions {
  readonly spool: Spool;
  readonly partition?: number;
  readonly entry: RouteEntry;
  /** Why, as a person reads it in `sluice status`. */
  readonly reason: string;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

export async function openIdleRoute(options: IdleRouteOptions): Promise<IdleRoute> {
  const { spool, partition = 0, entry, reason, clock, warn } = options;
  const { name, type, place, backlog: limit = NO_LIMIT } = entry;
  const { lease, ledger } = await takeLedger(spool, { ...entry, partition });
  const writer = new LedgerWriter({
    spool,
    lease,
    clock,
    figures: DEFAULT_FIGURES,
    encode: () => ({ bytes: encodeLedger(ledger, place), low: ledger.low }),
    onLost: () => writer.stop(),
    warn,
  });
  const state = { name: "paused", reason, sinceMs: clock.nowMs() } as const;
  const until = entry.replay?.until ?? Number.POSITIVE_INFINITY;
  const backlogBytes = () => spool.layout.bytesFrom(partition, ledger.low);
  return {
    name,
    limit,
    get lowOffset() {
      return writer.durableLow;
    },
    sync: () => writer.flush(true),
    get backlogBytes() {
      return backlogBytes();
    },
    dropOldest(before) {
      const events = ledger.settleRest(ledger.low, Math.min(before, until), {
        status: "dropped",
        reason: BACKLOG_FULL,
      });
      if (events > 0) writer.changed();
      return events;
    },
    get status() {
      const balance = ledger.balance(Math.min(spool.state.nextOffset, until));
      const health = { name: "paused", reason } as const;
      const kept = { balance, backlog: { bytes: backlogBytes(), ...limit }, lag: balance.pending };
      return {
        route: name,
        sink: entry.replay?.sink ?? name,
        type,
        state,
        health,
        ...kept,
        inFlight: 0,
        troubleSinceMs: state.sinceMs,
      };
    },
    async giveUp() {
      const { nextOffset } = spool.state;
      const events = ledger.settleRest(ledger.low, nextOffset, { status: "dropped", reason: SINK_REMOVED });
      writer.changed();
      if (!(await writer.flush(true))) throw new Error(`the ledger of ${name} could not be stored`);
      return events;
    },
    async close() {
      await writer.flush(true);
      writer.stop();
    },
  };
}
