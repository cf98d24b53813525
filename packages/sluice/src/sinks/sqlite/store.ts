import type { DatabaseSync, StatementSync } from "node:sqlite";
import { decodeEvent } from "@sluice/sdk/internal";
import { type Delivery, type ItemDelivery, summary } from "../delivery.ts";
import { type Column, EVENT_COLUMNS, RUN_COLUMNS } from "../rows/columns.ts";
import { type Cell, type Rows, rowsOf } from "../rows/rows.ts";
import { type DatabaseFile, identityOf, openDatabase } from "./database.ts";
import { failureOf, isOfOneRow } from "./failure.ts";

/** The events and runs of one database file. All of it blocks: it lives in a thread of its own. */
export interface Store {
  /** One transaction: what it calls delivered is on the disk. */
  write(events: readonly Uint8Array[]): Delivery;
  /** What is in the way of writing, as a sentence. */
  check(): string | undefined;
  close(): void;
}

interface Open {
  readonly database: DatabaseSync;
  readonly identity: string | undefined;
  readonly putEvent: StatementSync;
  readonly putRun: StatementSync;
}

/** Opens the file when it is first needed, and again after a failure. */
export function createStore(file: DatabaseFile): Store {
  let current: Open | undefined;

  function opened(): Open {
    // A log on a file that nobody can find any more would be written in vain.
    if (current && identityOf(file.path) !== current.identity) close();
    current ??= open(file);
    return current;
  }

  function close(): void {
    const closing = current;
    current = undefined;
    closing?.database.close();
  }

  /** The failure's outcome, after everything was let go: the next try begins anew. */
  function failed(error: unknown): Extract<Delivery, { status: "retry" | "blocked" }> {
    try {
      close();
    } catch {
      // The failure that led here is the one that is reported.
    }
    return failureOf(error);
  }

  return {
    write(events) {
      const outcomes: ItemDelivery[] = events.map(() => ({ status: "delivered" }));
      const rows = events.map(readRows);
      try {
        const { database, putEvent, putRun } = opened();
        database.exec("BEGIN IMMEDIATE");
        for (const [index, each] of rows.entries()) {
          outcomes[index] = each ? put(each, putEvent, putRun) : UNREADABLE;
        }
        database.exec("COMMIT");
        return summary(outcomes);
      } catch (error) {
        return failed(error);
      }
    },
    check() {
      try {
        opened().database.exec("BEGIN IMMEDIATE; ROLLBACK");
        return undefined;
      } catch (error) {
        return `The SQLite sink cannot write to ${file.path}: ${failed(error).reason}.`;
      }
    },
    close,
  };
}

const UNREADABLE: ItemDelivery = { status: "rejected", reason: "the event cannot be read" };

/** The event's rows, with its JSON as the last cell of its own; undefined for what is no event. */
function readRows(bytes: Uint8Array): { readonly rows: Rows; readonly raw: Uint8Array } | undefined {
  try {
    return { rows: rowsOf(decodeEvent(bytes)), raw: bytes };
  } catch {
    return undefined; // Said in its outcome; its neighbours are written.
  }
}

function put(
  { rows, raw }: { readonly rows: Rows; readonly raw: Uint8Array },
  putEvent: StatementSync,
  putRun: StatementSync,
): ItemDelivery {
  try {
    if (rows.run) putRun.run(...rows.run.map(bindable));
    putEvent.run(...rows.event.map(bindable), raw);
    return { status: "delivered" };
  } catch (error) {
    if (!isOfOneRow(error)) throw error;
    return { status: "rejected", reason: error instanceof Error ? error.message : String(error) };
  }
}

function bindable(cell: Cell): string | number | null {
  return typeof cell === "boolean" ? Number(cell) : cell;
}

function open(file: DatabaseFile): Open {
  const database = openDatabase(file);
  try {
    return {
      database,
      identity: identityOf(file.path),
      putEvent: database.prepare(
        `INSERT INTO events (${names(EVENT_COLUMNS)}, raw)
         VALUES (${marks(EVENT_COLUMNS)}, CAST(? AS text))
         ON CONFLICT (id) DO UPDATE SET ${replaced(EVENT_COLUMNS)}, raw = excluded.raw
         WHERE raw <> excluded.raw`,
      ),
      putRun: database.prepare(
        `INSERT INTO runs (${names(RUN_COLUMNS)}) VALUES (${marks(RUN_COLUMNS)})
         ON CONFLICT (run_id) DO UPDATE SET ${replaced(RUN_COLUMNS)}
         WHERE excluded.revision >= revision`,
      ),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

function names<Source>(columns: readonly Column<Source>[]): string {
  return columns.map(([name]) => name).join(", ");
}

function marks<Source>(columns: readonly Column<Source>[]): string {
  return columns.map(() => "?").join(", ");
}

function replaced<Source>(columns: readonly Column<Source>[]): string {
  return columns.map(([name]) => `${name} = excluded.${name}`).join(", ");
}
