import type { Spool } from "../spool/spool.ts";
import type { Balance } from "./balance.ts";
import { Ledger } from "./ledger.ts";
import { decodeLedger } from "./ledger-codec.ts";
import type { RouteEntry } from "./routes.ts";

/**
 * A route whose sink is no longer in the configuration: nothing is sent, and its backlog is kept until it
 * returns.
 */
export interface Detached {
  readonly name: string;
  readonly type: string;
  /** Holds retention, as any route's. */
  readonly lowOffset: number;
  readonly balance: Balance;
}

export async function openDetached(spool: Spool, entry: RouteEntry, partition = 0): Promise<Detached> {
  const lease = await spool.lease(entry.name, partition);
  const stored = lease.ledger && decodeLedger(lease.ledger, entry.place, spool.state.nextOffset);
  const ledger = stored?.first === entry.firstOffset ? stored : new Ledger(entry.firstOffset);
  return {
    name: entry.name,
    type: entry.type,
    lowOffset: ledger.low,
    get balance() {
      return ledger.balance(spool.state.nextOffset);
    },
  };
}
