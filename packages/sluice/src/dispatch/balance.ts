/**
 * Where every accepted event of a route is. accepted = pending + delivered + Σskipped + deadLettered +
 * Σdropped, always.
 */
export interface Balance {
  readonly accepted: number;
  readonly pending: number;
  readonly delivered: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly deadLettered: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** Zero when the balance holds; else by how much it is wrong. */
export function balanceError(balance: Balance): number {
  const { accepted, pending, delivered, skipped, deadLettered, dropped } = balance;
  return accepted - (pending + delivered + sum(skipped) + deadLettered + sum(dropped));
}

/** Throws, with the figures, unless the balance holds. `sluice verify` and the tests ask after every step. */
export function assertBalance(balance: Balance): void {
  const error = balanceError(balance);
  if (error !== 0 || balance.pending < 0) {
    throw new Error(`The balance is off by ${error}: ${JSON.stringify(balance)}`);
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const count of Object.values(counts)) total += count;
  return total;
}
