import type { Disk } from "@sluice/sdk/internal";
import { checkDeadLetterFormats } from "./dispatch/dead-letters/dead-letter-format.ts";
import { checkLedgerFormat } from "./dispatch/ledger/ledger-codec.ts";
import { readRoutes } from "./dispatch/route-registry.ts";
import type { Headers } from "./spool/file/headers.ts";
import { readLedgers } from "./spool/file/ledgers.ts";
import { checkFormat } from "./spool/file/survey.ts";

export type { Headers } from "./spool/file/headers.ts";

/**
 * Refuses a data directory of which a later version has written a part that this one cannot read: segments,
 * tally, ledgers, routes.json, dead letters. Only reads, so whoever asks first leaves every byte as it is; a
 * directory that is not there is fine. Who has the headers of an earlier check hands them on, and gets those
 * of this one for the next.
 * @throws SluiceError SPOOL_TOO_NEW, SPOOL_UNREADABLE or DATA_DIR_UNUSABLE, or what the disk says.
 */
export async function checkFormats(disk: Disk, dataDir: string, before?: Headers): Promise<Headers> {
  const headers = await checkFormat(disk, `${dataDir}/spool`, before);
  for (const { path, payload } of (await readLedgers(disk, `${dataDir}/ledgers`)).values()) {
    checkLedgerFormat(payload, path);
  }
  await readRoutes(disk, dataDir);
  await checkDeadLetterFormats(disk, `${dataDir}/deadletters`);
  return headers;
}
