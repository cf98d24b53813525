import type { Lease, Spool } from "../../spool/spool.ts";
import { Ledger } from "./ledger.ts";
import { decodeLedger, encodeLedger } from "./ledger-codec.ts";

/** Whose ledger it is. `place` and `firstOffset` as routes.json has them. */
export interface LedgerOwner {
  readonly name: string;
  readonly partition?: number;
  readonly place: string;
  readonly firstOffset: number;
}

/** Gives a route the ledger that it had under another name, durably. The old one is of no use after that. */
export async function moveLedger(spool: Spool, partition: number, from: string, to: string): Promise<void> {
  const { ledger } = await spool.lease(from, partition);
  if (ledger) await spool.commit(await spool.lease(to, partition), ledger, true);
}

/** Leases a route's ledger, and begins a new one at its first offset if there is none to believe. */
export async function takeLedger(
  spool: Spool,
  { name, partition = 0, place, firstOffset }: LedgerOwner,
): Promise<{ readonly lease: Lease; readonly ledger: Ledger }> {
  const lease = await spool.lease(name, partition);
  const stored = lease.ledger && decodeLedger(lease.ledger, place, spool.state.nextOffset);
  // A ledger of another first offset belongs to an earlier life of this name.
  if (stored?.first === firstOffset) return { lease, ledger: stored };
  const ledger = new Ledger(firstOffset);
  // Its file is made before anything is delivered: that takes several calls of the disk, and what is
  // delivered meanwhile would come again after a crash, however much it is. A later commit tries again.
  await spool.commit(lease, encodeLedger(ledger, place), true).catch(() => false);
  return { lease, ledger };
}
