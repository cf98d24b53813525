import { lstatSync, truncateSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type Clock, codeOf, type Disk, systemProcess, type ThisProcess } from "@sluice/sdk/internal";
import { SluiceError } from "../../errors.ts";
import { messageOf } from "./failures.ts";
import { writeAll } from "./write-all.ts";

/** A data dir that is ours until `release`. */
export interface Owner {
  release(): Promise<void>;
}

export interface OwnerOptions {
  readonly dataDir: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly version: string;
  readonly process?: ThisProcess;
}

/**
 * One process owns a data dir. Node has no flock, but SQLite takes a kernel lock on `owner.db` for an
 * exclusive transaction: it holds while the process is stopped and is gone when the process is, however it
 * ends. `owner.json` beside it says who, for people; nothing is decided from it, so a stale one is harmless.
 *
 * POSIX drops a process's locks on a file when it closes *any* descriptor of it. So nothing here opens an
 * existing `owner.db` but SQLite, which keeps track of that itself.
 * @throws SluiceError DATA_DIR_BUSY if another owner is alive, at once; DATA_DIR_UNUSABLE if the directory
 * cannot be used.
 */
export async function takeOwner(options: OwnerOptions): Promise<Owner> {
  const { dataDir, disk } = options;
  try {
    await disk.makeDirectory(dataDir);
    await createPrivate(disk, `${dataDir}/owner.db`);
    refusePlanted(`${dataDir}/owner.db`);
  } catch (error) {
    throw unusable(dataDir, error);
  }
  const database = await lock(options);
  try {
    await writeOwner(options);
  } catch (error) {
    database.close();
    throw unusable(dataDir, error);
  }
  return {
    async release() {
      if (database.isOpen) database.close();
    },
  };
}

async function lock(options: OwnerOptions): Promise<DatabaseSync> {
  const path = `${options.dataDir}/owner.db`;
  let failure: unknown;
  for (const tryIt of [tryLock, emptyAndLock]) {
    try {
      return tryIt(path);
    } catch (error) {
      failure = error;
    }
    if (!hasCode(failure, SQLITE_NOT_A_DATABASE, SQLITE_CORRUPT)) break;
  }
  if (!hasCode(failure, SQLITE_BUSY)) throw unusable(options.dataDir, failure);
  const owner = await describeOwner(options);
  throw new SluiceError("DATA_DIR_BUSY", { path: options.dataDir, owner }, failure);
}

function tryLock(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * The file holds nothing, so whatever came to stand in it is no loss. SQLite looks at the content only once
 * it has a lock: while an owner lives, it says "busy" and never that the content is wrong.
 */
function emptyAndLock(path: string): DatabaseSync {
  truncateSync(path);
  return tryLock(path);
}

/** SQLite would follow a link, and wait for a pipe. Looked at without a descriptor, for the reason above. */
function refusePlanted(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats && !stats.isFile()) throw new Error(`${path} is not an ordinary file`);
}

/** SQLite would make it with the umask's mode. */
async function createPrivate(disk: Disk, path: string): Promise<void> {
  try {
    const file = await disk.open(path, "create");
    await file.close();
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOT_A_DATABASE = 26;

function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof Error && "errcode" in error && codes.includes(Number(error.errcode));
}

function unusable(dataDir: string, error: unknown): SluiceError {
  return new SluiceError("DATA_DIR_UNUSABLE", { path: dataDir, cause: messageOf(error) }, error);
}

async function writeOwner({
  dataDir,
  disk,
  clock,
  version,
  process = systemProcess,
}: OwnerOptions): Promise<void> {
  const startedAt = new Date(clock.nowMs()).toISOString();
  const owner = { pid: process.pid, startedAt, host: process.hostName, version };
  const temporary = `${dataDir}/owner.json.new`;
  await disk.remove(temporary);
  const file = await disk.open(temporary, "create");
  try {
    writeAll(file, Buffer.from(`${JSON.stringify(owner)}\n`), 0);
  } finally {
    await file.close();
  }
  await disk.rename(temporary, `${dataDir}/owner.json`);
}

/** An owner that has just started may not have written its name yet. */
async function describeOwner({ dataDir, disk }: OwnerOptions): Promise<string> {
  try {
    const file = await disk.open(`${dataDir}/owner.json`, "read");
    const content = Buffer.alloc(1024);
    const count = await file.read(content, 0);
    await file.close();
    const owner: unknown = JSON.parse(content.toString("utf8", 0, count));
    return nameOf(owner);
  } catch {
    return "another process"; // The sentence is for people; without a name it still says what to do.
  }
}

function nameOf(owner: unknown): string {
  if (typeof owner !== "object" || owner === null) return "another process";
  const { pid, host, startedAt } = owner as Readonly<Record<string, unknown>>;
  return `process ${pid} on ${host} (started ${startedAt})`;
}
