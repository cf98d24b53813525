import { codeOf } from "@sluice/sdk/internal";
import type { Delivery } from "../delivery.ts";

/** SQLite's primary result codes, from its `sqlite3.h`; an extended code has one of them in its low byte. */
const SQLITE = {
  ERROR: 1,
  PERM: 3,
  READONLY: 8,
  CORRUPT: 11,
  CANTOPEN: 14,
  TOOBIG: 18,
  CONSTRAINT: 19,
  MISMATCH: 20,
  AUTH: 23,
  NOTADB: 26,
} as const;

/** What only a person can mend, and how. `ERROR` is a table that is not as our migrations made it. */
const BLOCKING: ReadonlyMap<number | undefined, string> = new Map([
  [SQLITE.ERROR, "its tables are not the ones of sluice: give this sink a file of its own"],
  [SQLITE.PERM, "let the daemon's user write to the file and its directory"],
  [SQLITE.READONLY, "let the daemon's user write to the file and its directory"],
  [SQLITE.CORRUPT, "the file is damaged: move it away, and what the spool still has can be replayed"],
  [SQLITE.CANTOPEN, "let the daemon's user make files in its directory"],
  [SQLITE.AUTH, "let the daemon's user write to the file and its directory"],
  [SQLITE.NOTADB, "the file is no SQLite database: give this sink another path"],
]);

/** Paths and permissions; everything else of a file system may pass. */
const BLOCKING_CODES = /^(EACCES|EPERM|EROFS|ELOOP|EISDIR|EEXIST|ENOTDIR|ENOENT|EINVAL|ENAMETOOLONG|ENXIO)$/;

/** A sentence of ours that says what a person has to mend. */
export class Unusable extends Error {}

/** What a failed transaction means for its batch. A full disk, an I/O error and a lock are tried again. */
export function failureOf(error: unknown): Extract<Delivery, { status: "retry" | "blocked" }> {
  const words = error instanceof Error ? error.message : String(error);
  if (error instanceof Unusable) return { status: "blocked", reason: words };
  const code = resultCode(error);
  const advice = BLOCKING.get(code);
  if (advice !== undefined) return { status: "blocked", reason: `${words}: ${advice}` };
  const name = codeOf(error) ?? "";
  if (BLOCKING_CODES.test(name)) return { status: "blocked", reason: words };
  return { status: "retry", reason: code === undefined ? words : `${words} (SQLite ${code})` };
}

/** Is it this one event that the database refuses, and not the database that is in trouble? */
export function isOfOneRow(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE.TOOBIG || code === SQLITE.CONSTRAINT || code === SQLITE.MISMATCH;
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}
