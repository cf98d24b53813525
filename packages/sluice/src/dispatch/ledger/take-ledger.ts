import type { Lease, Spool } from "../../spool/spool.ts";
import { Ledger } from "./ledger.ts";
import { decodeLedger } from "./ledger-codec.ts";

/** Whose ledger it is. `place` and `firstOffset` as routes.json has them. */
export interface LedgerOwner {
  readonly name: string;
  readonly partition?: number;
  readonly place: string;
  readonly firstOffset: number;
}

/** Leases a route's ledger, and begins a new one at its first offset if there is none to believe. */
export async function takeLedger(
  spool: Spool,
  { name, partition = 0, place, firstOffset }: LedgerOwner,
): Promise<{ readonly lease: Lease; readonly ledger: Ledger }> {
  const lease = await spool.lease(name, partition);
  const stored = lease.ledger && decodeLedger(lease.ledger, place, spool.state.nextOffset);
  // A ledger of another first offset belongs to an earlier life of this name.
  const ledger = stored?.first === firstOffset ? stored : new Ledger(firstOffset);
  return { lease, ledger };
}
