import type { Event } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";
import { storableJson, storableText } from "../storable.ts";
import { type Column, type ColumnType, EVENT_COLUMNS, RUN_COLUMNS, type RunSource } from "./columns.ts";

/** What a cell can be; JSON and times are text. */
export type Cell = string | number | boolean | null;

/** What becomes of one event: its own row, and the row of its run if it tells enough of one. */
export interface Rows {
  /** In the order of `EVENT_COLUMNS`. */
  readonly event: readonly Cell[];
  /** In the order of `RUN_COLUMNS`. */
  readonly run?: readonly Cell[];
}

/**
 * The rows of an event, a pure function of it. Nothing in them is what one of the databases refuses: a field
 * that is not what its name says is NULL, and stands in the event's JSON as it was.
 */
export function rowsOf(event: Event): Rows {
  const source = runSource(event);
  const row = EVENT_COLUMNS.map((column) => cellOf(column, event));
  return source ? { event: row, run: RUN_COLUMNS.map((column) => cellOf(column, source)) } : { event: row };
}

function runSource(event: Event): RunSource | undefined {
  const { run, kind, runId } = event;
  if (typeof run !== "object" || run === null || typeof runId !== "string") return undefined;
  const isEnd = kind === "run.ended";
  if (!isEnd && kind !== "run.started") return undefined;
  // A piece of an end is somebody else's to join.
  if (isEnd && (run.startTime === undefined || run.status === undefined)) return undefined;
  return { event, run, usage: run.usage, cost: run.cost, isEnd };
}

function cellOf<Source>([, type, of]: Column<Source>, source: Source): Cell {
  const value = of(source);
  return value === undefined || value === null ? null : CELLS[type](value);
}

const CELLS: Record<ColumnType, (value: unknown) => Cell> = {
  text: (value) => (typeof value === "string" ? storableText(value) : null),
  time: timeCell,
  whole: wholeCell,
  real(value) {
    const number = numberOf(value);
    return number !== undefined && Number.isFinite(number) ? number : null;
  },
  flag: (value) => (typeof value === "boolean" ? value : null),
  json: (value) => storableJson(withinNumeric(JSON.stringify(value), value)),
};

/** UTC with milliseconds, all of one length: as text they sort by time. */
function timeCell(value: unknown): Cell {
  const milliseconds = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(milliseconds) ? null : new Date(milliseconds).toISOString();
}

/** A count that came as `10.0` is 10; one that no double holds exactly is no count. */
function wholeCell(value: unknown): Cell {
  const whole = Math.round(numberOf(value) ?? Number.NaN);
  return Number.isSafeInteger(whole) ? whole : null;
}

/** Where a number may be beyond PostgreSQL's `numeric`: 131,072 digits before the point, 16,383 after it. */
const FAR_NUMBER = /e[+-]?\d{4}|\d{10000}/i;

/** JSON in which such a number is its text: a query that reads it meets a string, instead of failing. */
function withinNumeric(json: string, value: unknown): string {
  if (!FAR_NUMBER.test(json)) return json;
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each !== "object" || numberOf(each) === undefined) return each;
    const digits = JSON.stringify(each);
    return FAR_NUMBER.test(digits) ? digits : each;
  });
}
