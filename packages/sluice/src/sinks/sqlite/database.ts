import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { codeOf } from "@sluice/sdk/internal";
import { type Dialect, migrationsFor, newerSchema } from "../rows/migrations.ts";
import { Unusable } from "./failure.ts";

export interface DatabaseFile {
  readonly path: string;
  /** Never made here: it would stand in the way of the one that somebody moves back. */
  readonly dataDir: string;
  /** How long a write of somebody else is waited for. */
  readonly busyTimeoutMs: number;
}

/** Much more than a batch; without it the log keeps the size that a long read once made it grow to. */
const LOG_BYTES_MAX = 64 * 1024 * 1024;

const DIALECT: Dialect = {
  prefix: "",
  time: "text",
  whole: "integer",
  real: "real",
  flag: "integer",
  json: "text",
  raw: "text",
  day: (time) => `substr(${time}, 1, 10)`,
  sum: (whole) => `sum(${whole})`,
  anyLength: (column) => `(${column})`,
};

/**
 * Opens the database, makes it if it is not there, and brings its schema up to date. Readers are never in the
 * way of a writer (WAL), and a commit is on the disk when it returns (synchronous = FULL).
 * @throws what SQLite or the file system throws; Unusable for a schema that is newer than this program.
 */
export function openDatabase(file: DatabaseFile): DatabaseSync {
  const isWithin = !relative(file.dataDir, file.path).startsWith("..");
  if (isWithin) statSync(file.dataDir);
  mkdirSync(dirname(file.path), { recursive: true, mode: 0o700 });
  createPrivate(file.path);
  const database = new DatabaseSync(file.path, { timeout: file.busyTimeoutMs });
  try {
    // In this order: the first makes sure that it is a database, the second that commits are worth their name.
    const mode = database.prepare("PRAGMA journal_mode = WAL").get();
    if (mode?.["journal_mode"] !== "wal") {
      throw new Unusable(`${file.path} is where SQLite cannot use its log (WAL): choose a local disk`);
    }
    database.exec("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON");
    database.exec(`PRAGMA journal_size_limit = ${LOG_BYTES_MAX}`);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Is the file at this path still the one that was opened? Somebody may have moved it away, or removed it. */
export function identityOf(path: string): string | undefined {
  const state = statSync(path, { throwIfNoEntry: false });
  return state && `${state.dev}:${state.ino}`;
}

/** Only ever as a new file: closing a second descriptor of a database would drop SQLite's locks on it. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

/** Two daemons at once: the second waits for the first one's lock, and then finds nothing left to do. */
function migrate(database: DatabaseSync): void {
  const migrations = migrationsFor(DIALECT);
  if (versionOf(database) === migrations.length) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(
      "CREATE TABLE IF NOT EXISTS sluice_migrations (version integer PRIMARY KEY, applied_at text NOT NULL)",
    );
    const found = versionOf(database);
    if (found > migrations.length) throw new Unusable(newerSchema(found, migrations.length));
    const applied = database.prepare("INSERT INTO sluice_migrations VALUES (?, datetime('now'))");
    for (const [index, statements] of migrations.entries()) {
      if (index < found) continue;
      for (const statement of statements) database.exec(statement);
      applied.run(index + 1);
    }
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sluice_migrations'").get();
  if (!table) return 0;
  const row = database.prepare("SELECT coalesce(max(version), 0) AS version FROM sluice_migrations").get();
  return Number(row?.["version"]);
}
