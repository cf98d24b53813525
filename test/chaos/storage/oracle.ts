import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { PlannedRecord } from "./plan.ts";

/**
 * What the workload was told and has told, outside the data dir: one line, one write, before it does
 * something and after it was acknowledged. A process that is killed has written each of them whole or not at
 * all. In a recording of its system calls they stand between those of the spool.
 */
type OracleLine =
  | { readonly intent: string; readonly bytes: number }
  | { readonly acked: string; readonly bytes: number; readonly offset: number }
  | { readonly ledger: string; readonly number: number; readonly bytes: number }
  | { readonly durable: string; readonly number: number }
  | { readonly trim: number }
  /** Something that must not be, seen by the workload itself. */
  | { readonly wrong: string }
  /** Failures that it was told of and has borne, and how long appends failed after the fault had ended. */
  | { readonly done: true; readonly failures: number; readonly recoveredAfterMs: number };

export interface OracleFile {
  note(line: OracleLine): void;
  close(): void;
}

export function openOracle(path: string): OracleFile {
  const descriptor = openSync(path, "a");
  return {
    note: (line) => void writeSync(descriptor, `${JSON.stringify(line)}\n`),
    close: () => closeSync(descriptor),
  };
}

export interface Oracle {
  /** By id; an id may have been given with several sizes. */
  readonly intended: ReadonlyMap<string, ReadonlySet<number>>;
  /** By offset. */
  readonly acked: ReadonlyMap<number, PlannedRecord>;
  /** By route: the size of each ledger that was given, by its number. */
  readonly ledgers: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** By route: the newest number that was acknowledged as durable. */
  readonly durable: ReadonlyMap<string, number>;
  /** Everything below may have been removed. */
  readonly trimmedBefore: number;
  readonly wrong: readonly string[];
  readonly done: { readonly failures: number; readonly recoveredAfterMs: number } | undefined;
}

/** A last line without its end was never written. */
export function readOracle(path: string): Oracle {
  const text = readFileSync(path, "utf8");
  const intended = new Map<string, Set<number>>();
  const acked = new Map<number, PlannedRecord>();
  const ledgers = new Map<string, Map<number, number>>();
  const durable = new Map<string, number>();
  const wrong: string[] = [];
  let trimmedBefore = 0;
  let done: Oracle["done"];
  for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    if (line === "") continue;
    const noted: OracleLine = JSON.parse(line);
    if ("intent" in noted) entry(intended, noted.intent, () => new Set<number>()).add(noted.bytes);
    else if ("acked" in noted) {
      const { acked: id, bytes, offset } = noted;
      const other = acked.get(offset);
      if (other && other.id !== id) wrong.push(`offset ${offset} was given to ${other.id} and to ${id}`);
      acked.set(offset, { id, bytes });
    } else if ("ledger" in noted) {
      entry(ledgers, noted.ledger, () => new Map<number, number>()).set(noted.number, noted.bytes);
    } else if ("durable" in noted) {
      durable.set(noted.durable, Math.max(noted.number, durable.get(noted.durable) ?? 0));
    } else if ("trim" in noted) trimmedBefore = Math.max(trimmedBefore, noted.trim);
    else if ("wrong" in noted) wrong.push(noted.wrong);
    else done = noted;
  }
  return { intended, acked, ledgers, durable, trimmedBefore, wrong, done };
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
