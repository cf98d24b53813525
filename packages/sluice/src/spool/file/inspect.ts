import { type Disk, oneSyncAtATime } from "@sluice/sdk/internal";
import type { SpoolRecord } from "../spool.ts";
import { Waiting } from "../waiting.ts";
import type { Range } from "./damage.ts";
import { readLedgers } from "./ledgers.ts";
import { SegmentLog } from "./log.ts";
import { Reader } from "./reader.ts";
import { surveySpool } from "./survey.ts";

/** A spool as it lies on the disk. */
export interface SpoolContent {
  /** Undefined where there is no spool. */
  readonly spoolId: string | undefined;
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly bytes: number;
  /** Records that were lost to damage, ever. */
  readonly damaged: number;
  /** The lost ones that have not been trimmed away since. */
  readonly damagedRanges: readonly Range[];
  /** By route name; a ledger of another spool is left out. */
  readonly ledgers: ReadonlyMap<string, Uint8Array>;
  /** All records that are there, in order. */
  records(): AsyncIterable<SpoolRecord>;
}

const READ_LIMIT = { records: 1024, bytes: 4 * 1024 * 1024 };

/**
 * Reads a spool without owning it and without changing anything, also while its owner is at work; then the
 * newest records may not be durable yet. Checks every record.
 * @throws SluiceError SPOOL_TOO_NEW or SPOOL_UNREADABLE.
 */
export async function readSpool(dataDir: string, plainDisk: Disk): Promise<SpoolContent> {
  const disk = oneSyncAtATime(plainDisk);
  // Ledgers before records: a writer at work only adds records, so the ledgers read first are never ahead.
  const stored = await readLedgers(disk, `${dataDir}/ledgers`);
  const survey = await surveySpool(disk, `${dataDir}/spool`, () => {});
  const { spoolId, damage, tally, nextOffset } = survey;
  const log = new SegmentLog(survey.segments, nextOffset);
  const ledgers = new Map<string, Uint8Array>();
  for (const [route, ledger] of stored) if (ledger.spoolId === spoolId) ledgers.set(route, ledger.payload);
  return {
    spoolId,
    firstOffset: log.firstOffset,
    nextOffset,
    bytes: log.bytes,
    damaged: tally.damagedBefore + damage.count,
    damagedRanges: damage.ranges,
    ledgers,
    async *records() {
      const reader = new Reader(disk, log, damage, new Waiting());
      try {
        for (let at = log.firstOffset; at < nextOffset; ) {
          const records = await reader.readThere(at, READ_LIMIT);
          if (records.length === 0) return;
          yield* records;
          at = (records.at(-1)?.offset ?? nextOffset) + 1;
        }
      } finally {
        await reader.close();
      }
    },
  };
}
