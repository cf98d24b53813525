import { type Column, type ColumnType, EVENT_COLUMNS, RUN_COLUMNS } from "../rows/columns.ts";
import type { Cell, Rows } from "../rows/rows.ts";
import { storableJson } from "../storable.ts";

/** An event's rows and its JSON as it was spooled. */
export interface Stored {
  readonly rows: Rows;
  readonly raw: Uint8Array;
}

const TYPES: Record<ColumnType, string> = {
  text: "text",
  time: "timestamptz",
  whole: "bigint",
  real: "double precision",
  flag: "boolean",
  json: "jsonb",
};

/**
 * One statement for a batch of any size, its rows in two JSON parameters: one transaction, and nothing to
 * count or to prepare. `json` keeps what it is given byte for byte, so `raw` passes untouched.
 */
export function upsertStatement(schema: string): string {
  const events = EVENT_COLUMNS.map(([name]) => name).join(", ");
  const runs = RUN_COLUMNS.map(([name]) => name).join(", ");
  return `WITH put_runs AS (
      INSERT INTO "${schema}".runs AS stored (${runs})
      SELECT ${runs} FROM json_to_recordset($2::text::json) AS given (${typed(RUN_COLUMNS)})
      ON CONFLICT (run_id) DO UPDATE SET ${replaced(RUN_COLUMNS)}
      WHERE excluded.revision >= stored.revision
    )
    INSERT INTO "${schema}".events AS stored (${events}, raw)
    SELECT ${events}, raw FROM json_to_recordset($1::text::json) AS given (${typed(EVENT_COLUMNS)}, raw json)
    ON CONFLICT (id) DO UPDATE SET ${replaced(EVENT_COLUMNS)}, raw = excluded.raw
    WHERE stored.raw::text <> excluded.raw::text`;
}

/**
 * The statement's two parameters. A statement may touch a row once, so of two with one key the last one
 * stays, or the higher revision; and in the order of their keys, so that two daemons do not wait for each
 * other.
 */
export function upsertParameters(batch: readonly Stored[]): readonly [events: string, runs: string] {
  const events = new Map<Cell, string>();
  const runs = new Map<Cell, { readonly revision: number; readonly json: string }>();
  for (const { rows, raw } of batch) {
    const json = storableJson(Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("utf8"));
    events.set(rows.event[EVENT_ID] ?? null, `{${membersOf(EVENT_COLUMNS, rows.event)},"raw":${json}}`);
    if (!rows.run) continue;
    const revision = Number(rows.run[RUN_REVISION]);
    const runId = rows.run[RUN_ID] ?? null;
    if ((runs.get(runId)?.revision ?? 0) > revision) continue;
    runs.set(runId, { revision, json: `{${membersOf(RUN_COLUMNS, rows.run)}}` });
  }
  const sorted = [...runs].toSorted(byKey).map(([, { json }]) => json);
  return [`[${[...events].toSorted(byKey).map(([, json]) => json)}]`, `[${sorted}]`];
}

const EVENT_ID = EVENT_COLUMNS.findIndex(([name]) => name === "id");
const RUN_ID = RUN_COLUMNS.findIndex(([name]) => name === "run_id");
const RUN_REVISION = RUN_COLUMNS.findIndex(([name]) => name === "revision");

function byKey([one]: readonly [Cell, unknown], [other]: readonly [Cell, unknown]): number {
  return String(one) < String(other) ? -1 : 1;
}

function membersOf<Source>(columns: readonly Column<Source>[], cells: readonly Cell[]): string {
  const members: string[] = [];
  for (const [index, [name, type]] of columns.entries()) {
    const cell = cells[index] ?? null;
    if (cell !== null) members.push(`"${name}":${literal(type, cell)}`);
  }
  return members.join(",");
}

function literal(type: ColumnType, cell: Cell): string {
  if (type === "json") return String(cell);
  // A year 0, which ISO has and PostgreSQL calls 1 BC.
  if (type === "time" && String(cell).startsWith("0000-")) return `"0001-${String(cell).slice(5)} BC"`;
  return JSON.stringify(cell);
}

function typed<Source>(columns: readonly Column<Source>[]): string {
  return columns.map(([name, type]) => `${name} ${TYPES[type]}`).join(", ");
}

function replaced<Source>(columns: readonly Column<Source>[]): string {
  return columns.map(([name]) => `${name} = excluded.${name}`).join(", ");
}
