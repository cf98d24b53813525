import { codeOf, type Disk } from "@sluice/sdk/internal";
import { type Balance, balanceError } from "./dispatch/balance.ts";
import { countDeadLetters } from "./dispatch/dead-letters/dead-letter-count.ts";
import { Ledger } from "./dispatch/ledger/ledger.ts";
import { decodeLedger } from "./dispatch/ledger/ledger-codec.ts";
import { type RouteEntry, readRoutes } from "./dispatch/route-registry.ts";
import { SluiceError } from "./errors.ts";
import { checkFormats } from "./formats.ts";
import { readSpool, type SpoolContent } from "./spool/file/inspect.ts";

export interface Verification {
  /** Does every balance hold, and is every record readable? */
  readonly isGood: boolean;
  /** What is wrong, as sentences. */
  readonly problems: readonly string[];
  readonly records: number;
  /**
   * Records that were lost to damage, ever. No balance is wrong for it: every route counts them as dropped.
   */
  readonly damaged: number;
  readonly sinks: readonly { readonly name: string; readonly balance: Balance }[];
}

export interface VerifyOptions {
  readonly dataDir: string;
  readonly disk: Disk;
}

/**
 * Proves from the disk alone that nothing is missing: reads a data directory, changes nothing, needs no
 * daemon and bears with one at work. For every route: what was accepted = pending + delivered + skipped +
 * dead-lettered + dropped, what is pending is still in the spool, and every dead letter that is counted can
 * be shown. Rejects with a SluiceError where there is nothing to read, or it may not be read.
 */
export async function openVerification(options: VerifyOptions): Promise<Verification> {
  try {
    let result = await verify(options);
    // A daemon at work trims and settles while it is read; what is really wrong stays wrong.
    for (let again = 1; again < READS_MAX && !result.isGood; again++) result = await verify(options);
    return result;
  } catch (error) {
    const cause = codeOf(error);
    if (cause === undefined || SluiceError.is(error)) throw error;
    throw new SluiceError("DATA_DIR_UNREADABLE", { path: options.dataDir, cause }, error);
  }
}

/** A trim comes every ten seconds at the most, so two in a row are already unlikely. */
const READS_MAX = 3;

async function verify({ dataDir, disk }: VerifyOptions): Promise<Verification> {
  await checkFormats(disk, dataDir);
  const entries = await readRoutes(disk, dataDir);
  const spool = await readSpool(dataDir, disk);
  // A mistyped directory must not be good.
  if (entries.length === 0 && spool.spoolId === undefined) {
    throw new SluiceError("SPOOL_ABSENT", { path: dataDir });
  }
  const problems: string[] = [];
  if (entries.length > 0 && spool.spoolId === undefined) {
    problems.push(`There is no spool in ${dataDir}, and routes.json lists ${entries.length} routes.`);
  }

  const records = await countRecords(spool, problems);
  const sinks = [];
  for (const entry of entries) {
    const { name, place } = entry;
    const ledger = ledgerOf(entry, spool, problems);
    checkPending(name, ledger, spool, problems);
    const letters = await countDeadLetters(disk, `${dataDir}/deadletters`, name, place);
    if (letters < ledger.deadLettered) {
      problems.push(`${name}: ${ledger.deadLettered} dead letters are counted, and ${letters} are on disk.`);
    }
    const balance = ledger.balance(Math.min(spool.nextOffset, entry.replay?.until ?? spool.nextOffset));
    if (balanceError(balance) !== 0)
      problems.push(`${name}: the balance is off by ${balanceError(balance)}.`);
    sinks.push({ name, balance });
  }
  return { isGood: problems.length === 0, problems, records, damaged: spool.damaged, sinks };
}

async function countRecords(spool: SpoolContent, problems: string[]): Promise<number> {
  let records = 0;
  for await (const _ of spool.records()) records++;
  const { firstOffset } = spool;
  // What was lost in front of all that is there (a first segment that is gone) is not among them.
  const lost = spool.damagedRanges.reduce(
    (sum, { from, to }) => sum + Math.max(0, to - Math.max(from, firstOffset)),
    0,
  );
  const expected = spool.nextOffset - firstOffset - lost;
  if (records !== expected) problems.push(`The spool has ${expected} records, and ${records} can be read.`);
  return records;
}

function ledgerOf(entry: RouteEntry, spool: SpoolContent, problems: string[]): Ledger {
  const { name, place, firstOffset } = entry;
  const stored = spool.ledgers.get(name);
  const ledger = stored && decodeLedger(stored, place, spool.nextOffset);
  if (ledger?.first === firstOffset) return ledger;
  // A route that has not settled anything yet has none to show.
  if (stored)
    problems.push(
      `${name}: its ledger cannot be believed; it will start at offset ${firstOffset} again, and send some events twice.`,
    );
  return new Ledger(firstOffset);
}

/** What is pending has to be there. */
function checkPending(name: string, ledger: Ledger, spool: SpoolContent, problems: string[]): void {
  if (ledger.low >= spool.firstOffset || ledger.low >= spool.nextOffset) return;
  const from = ledger.low;
  problems.push(
    `${name}: offsets ${from} to ${spool.firstOffset - 1} are not settled, and not in the spool.`,
  );
}
