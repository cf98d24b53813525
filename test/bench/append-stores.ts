import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { type FileSpool, openFileSpool } from "../../packages/sluice/src/spool/file/spool.ts";
import type { NewRecord } from "../../packages/sluice/src/spool/spool.ts";
import { EVENT_BYTES } from "./append-events.ts";

/** What the append benchmark compares: a durable list of events, and the place up to which they are settled. */
export interface Store {
  /** Resolves when the batch would survive the end of the power. */
  append(records: readonly NewRecord[]): Promise<void>;
  /**
   * Reads the next records and stores that they are settled, in a way that survives the end of the process.
   * Nobody syncs here: a place that is lost costs duplicates and no event.
   */
  settle(count: number): Promise<void>;
  /** Resolves when nothing goes on in the background. */
  resting(): Promise<void>;
  close(): Promise<void>;
}

export interface SluiceStore extends Store {
  readonly spool: FileSpool;
  /** Where `settle` goes on. */
  position: number;
}

const GIB = 1024 ** 3;
const READ_BYTES_MAX = 16 * 1024 * 1024;

export async function openSluice(dataDir: string): Promise<SluiceStore> {
  const parts = { disk: systemDisk, clock: systemClock, random: systemRandom };
  const spool = await openFileSpool({ ...parts, dataDir, maxBytes: 16 * GIB, minFreeBytes: 0 });
  const lease = await spool.lease("bench", 0);
  const never = new AbortController().signal;
  const ledger = Buffer.alloc(64);
  const store: SluiceStore = {
    spool,
    position: 0,
    async append(records) {
      const outcomes = await spool.append(records);
      if (outcomes.some(({ status }) => status !== "appended")) throw new Error("not everything was stored");
    },
    async settle(count) {
      for (let left = count; left > 0; ) {
        const limit = { records: left, bytes: READ_BYTES_MAX };
        const records = await spool.read(0, store.position, limit, never);
        checkBytes(records.reduce((sum, { body }) => sum + body.length, 0) / records.length);
        store.position += records.length;
        left -= records.length;
      }
      ledger.writeDoubleLE(store.position, 0);
      await spool.commit(lease, ledger, false);
    },
    resting: () => spool.resting(),
    close: () => spool.close(),
  };
  return store;
}

/** The limit writes what the spool writes: headers are bytes on the disk too. */
const RECORD_BYTES = EVENT_BYTES + 64;
/** As far ahead as the spool has its zeros. */
const RAW_FILE_BYTES = 8 * 1024 * 1024;

/**
 * What the machine can do if nobody had to find anything again: the same count of bytes from one reused
 * buffer over zeros that lie there already, round and round, and a sync in the thread pool, as a server must.
 */
export function openRaw(path: string): Store {
  const descriptor = fs.openSync(path, "w");
  fs.writeSync(descriptor, Buffer.alloc(RAW_FILE_BYTES));
  fs.fdatasyncSync(descriptor);
  const bytes = Buffer.alloc(RAW_FILE_BYTES, 0x61);
  let position = 0;
  return {
    append(records) {
      const length = records.length * RECORD_BYTES;
      if (position + length > RAW_FILE_BYTES) position = 0;
      fs.writeSync(descriptor, bytes, 0, length, position);
      position += length;
      return new Promise((resolve, reject) => {
        fs.fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
      });
    },
    settle: async () => {},
    resting: async () => {},
    close: async () => fs.closeSync(descriptor),
  };
}

/**
 * Node's own SQLite: one transaction a batch, prepared statements, a WAL that is synced at every commit of
 * events (FULL) and at none of a place (NORMAL).
 */
export function openSqlite(path: string): Store {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database.exec("CREATE TABLE events (seq INTEGER PRIMARY KEY, body BLOB)");
  database.exec("CREATE TABLE place (name TEXT PRIMARY KEY, seq INTEGER) WITHOUT ROWID");
  const [begin, commit] = [database.prepare("BEGIN"), database.prepare("COMMIT")];
  const insert = database.prepare("INSERT INTO events (body) VALUES (?)");
  const select = database.prepare("SELECT seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?");
  const settle = database.prepare(
    "INSERT INTO place VALUES ('bench', ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
  );
  let position = 0;
  let isSyncing = true;
  const syncCommits = (isWanted: boolean) => {
    if (isSyncing !== isWanted) database.exec(`PRAGMA synchronous = ${isWanted ? "FULL" : "NORMAL"}`);
    isSyncing = isWanted;
  };
  return {
    async append(records) {
      syncCommits(true);
      begin.run();
      for (const { body } of records) insert.run(body);
      commit.run();
    },
    async settle(count) {
      syncCommits(false);
      const rows = select.all(position, count);
      checkBytes(rows.reduce((sum, { body }) => sum + (body as Uint8Array).length, 0) / count);
      position = Number(rows.at(-1)?.["seq"]);
      settle.run(position);
    },
    resting: async () => {},
    close: async () => database.close(),
  };
}

/** What of LMDB is used here. It is installed by the benchmark and no dependency of the repository. */
interface Lmdb {
  open(options: Readonly<Record<string, unknown>>): LmdbTable;
}

interface LmdbTable {
  openDB(options: Readonly<Record<string, unknown>>): LmdbTable;
  put(key: number, value: unknown): Promise<boolean>;
  getRange(range: { start: number; limit: number }): Iterable<{ key: number; value: Uint8Array }>;
  readonly flushed: Promise<boolean>;
  close(): Promise<void>;
}

const LMDB_VERSION = "3.5.6";

/** Installs LMDB into a directory. Undefined, and why on stderr, where the registry cannot be reached. */
export function installLmdb(directory: string): Lmdb | undefined {
  try {
    fs.writeFileSync(join(directory, "package.json"), "{}");
    const words = ["install", "--no-save", "--no-audit", "--no-fund", `lmdb@${LMDB_VERSION}`];
    execFileSync("npm", words, { cwd: directory, stdio: ["ignore", "ignore", "pipe"], timeout: 120_000 });
    return createRequire(join(directory, "package.json"))("lmdb") as Lmdb;
  } catch (error) {
    process.stderr.write(`LMDB ${LMDB_VERSION} cannot be installed, so it is left out: ${error}\n`);
    return undefined;
  }
}

/** `put` resolves at the commit, before its sync; `flushed` is what a caller that has to be sure waits for. */
export function openLmdb(lmdb: Lmdb, path: string): Store {
  const root = lmdb.open({ path, compression: false });
  const events = root.openDB({ name: "events", encoding: "binary", keyEncoding: "uint32" });
  const place = root.openDB({ name: "place", encoding: "json", keyEncoding: "uint32" });
  let next = 0;
  let position = 0;
  return {
    async append(records) {
      for (const { body } of records) void events.put(next++, body);
      await events.flushed;
    },
    async settle(count) {
      let bytes = 0;
      for (const { key, value } of events.getRange({ start: position, limit: count })) {
        bytes += value.length;
        position = key + 1;
      }
      checkBytes(bytes / count);
      await place.put(0, position);
    },
    resting: async () => {},
    close: () => root.close(),
  };
}

/** Everybody must have read everything. */
function checkBytes(average: number): void {
  if (average !== EVENT_BYTES) throw new Error(`${average} bytes an event were read, and not ${EVENT_BYTES}`);
}
