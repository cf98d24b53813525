import type { Lease } from "./spool.ts";

/**
 * Who holds which route's ledger. One process owns a data dir, so epochs count within it: a second lease of a
 * route ends the first, whose commits are refused from then on.
 */
export class Leases {
  readonly #current = new Map<string, { readonly epoch: number; readonly lost: AbortController }>();
  #epoch = 0;

  /**
   * Ends an earlier lease of the route before the ledger is read, so that nothing is stored behind the new
   * holder's back.
   */
  take(route: string, partition: number): (ledger: Uint8Array | undefined) => Lease {
    this.#current.get(route)?.lost.abort();
    const epoch = ++this.#epoch;
    const lost = new AbortController();
    this.#current.set(route, { epoch, lost });
    return (ledger) => ({ route, partition, epoch, ledger, lost: lost.signal });
  }

  isHeld(lease: Lease): boolean {
    return this.#current.get(lease.route)?.epoch === lease.epoch;
  }

  endAll(): void {
    for (const { lost } of this.#current.values()) lost.abort();
    this.#current.clear();
  }
}
