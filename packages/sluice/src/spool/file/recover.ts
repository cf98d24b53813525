import { dirname } from "node:path";
import { type Disk, type Random, syncDirectory } from "@sluice/sdk/internal";
import { SluiceError } from "../../errors.ts";
import type { Dedupe } from "../dedupe.ts";
import type { Damage } from "./damage.ts";
import { ignoreFailure, messageOf } from "./failures.ts";
import type { Headers } from "./headers.ts";
import { SegmentLog } from "./log.ts";
import { movePlanted } from "./planted.ts";
import { copyEventKey, receivedCrcAt } from "./record.ts";
import { bytesIn, repairSpool } from "./repair.ts";
import type { Visit } from "./scan.ts";
import { SPOOL_ID_BYTES } from "./segment.ts";
import { type Survey, surveySpool } from "./survey.ts";
import { TallyFile } from "./tally.ts";

export interface Recovered {
  readonly spoolId: string;
  readonly log: SegmentLog;
  readonly damage: Damage;
  readonly tally: TallyFile;
  readonly nextNumber: number;
  /** Size of the last segment's file: zeros were written up to there. */
  readonly tailBytes: number;
  /** What `quarantine/` takes. It changes at recovery only. */
  readonly quarantineBytes: number;
}

export interface RecoverOptions {
  readonly dataDir: string;
  readonly disk: Disk;
  readonly random: Random;
  /** Gets the ids of all retained records, oldest first, straight from their headers. */
  readonly dedupe: Dedupe;
  /** What was read of the segments before the data dir was taken. */
  readonly headers: Headers;
}

/**
 * Finds what is there, mends what must be, and says where to go on. A directory without a spool becomes a new
 * one.
 */
export async function recoverSpool(options: RecoverOptions): Promise<Recovered> {
  const { dataDir, disk, random, dedupe, headers } = options;
  const directory = `${dataDir}/spool`;
  const quarantine = `${dataDir}/quarantine`;
  for (const path of [directory, `${dataDir}/ledgers`]) await makeDirectory(disk, path);
  // Evidence goes there, not data: a start does not depend on it.
  await ignoreFailure(disk.makeDirectory(quarantine));
  const ledgers = (await disk.list(`${dataDir}/ledgers`)).map((name) => `ledgers/${name}`);
  await movePlanted(disk, dataDir, ["spool/tally", "spool/tally.new", "spool/spare", ...ledgers]);
  const takeId: Visit = (bytes, at, offset) => {
    copyEventKey(bytes, at, dedupe.key);
    dedupe.note(receivedCrcAt(bytes, at), offset);
  };
  const survey = await surveySpool(disk, directory, takeId, headers);
  dedupe.settle();
  await repairSpool(disk, quarantine, survey);
  const spoolId = survey.spoolId ?? Buffer.from(random.fill(new Uint8Array(SPOOL_ID_BYTES))).toString("hex");
  if (survey.spoolId === undefined) await keepDirectories(disk, dataDir);
  await keepNames(disk, [directory, `${dataDir}/ledgers`, dataDir]);
  const tally = new TallyFile(disk, directory, spoolId, survey.tally);
  await tally.open();
  return {
    spoolId,
    log: new SegmentLog(survey.segments, survey.nextOffset),
    damage: survey.damage,
    tally,
    nextNumber: survey.nextNumber,
    tailBytes: tailBytesOf(survey),
    quarantineBytes: await bytesIn(disk, quarantine),
  };
}

/** A torn tail was cut off, and with it the zeros behind it. */
function tailBytesOf({ hasTornTail, tailBytes, segments }: Survey): number {
  return hasTornTail ? (segments.at(-1)?.endPosition ?? 0) : tailBytes;
}

/**
 * A new directory is not there after a power cut unless the one it stands in was synced; nobody knows how
 * many are new.
 */
async function keepDirectories(disk: Disk, dataDir: string): Promise<void> {
  await syncDirectory(disk, dataDir);
  for (let path = dataDir; dirname(path) !== path; path = dirname(path)) {
    // Directories further up may be closed to us; then somebody else made them.
    await ignoreFailure(syncDirectory(disk, dirname(path)));
  }
}

/**
 * An earlier process may have died between a rename and the sync of its directory. Then its file is there
 * until the power goes; and what is acknowledged into it from now on would go with it.
 */
async function keepNames(disk: Disk, directories: readonly string[]): Promise<void> {
  try {
    for (const path of directories) await syncDirectory(disk, path);
  } catch (error) {
    const [path = ""] = directories;
    throw new SluiceError("SPOOL_UNREADABLE", { path, cause: messageOf(error) }, error);
  }
}

async function makeDirectory(disk: Disk, path: string): Promise<void> {
  try {
    await disk.makeDirectory(path);
  } catch (error) {
    throw new SluiceError("DATA_DIR_UNUSABLE", { path, cause: messageOf(error) }, error);
  }
}
