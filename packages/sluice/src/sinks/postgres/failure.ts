import { codeOf } from "@sluice/sdk/internal";
import { type Failure, failureOfError } from "../classify.ts";

/** A sentence of ours that says what a person has to mend. */
export class Unusable extends Error {}

/** The server did not do it in time; it may have, unseen. */
export class TimedOut extends Error {}

/** What the server said of itself, as far as it decides anything. */
interface ServerError extends Error {
  readonly code: string;
  readonly severity: string;
}

/**
 * What an error of the server, the wire or the library means for the batch. By the classes of PostgreSQL's
 * appendix A: data and constraints are one row's fault (22, 23, 44, P0), a program's limits the batch's (54).
 * Who we are, where we are and what we may do has to be mended (28, 3D, 3F, 42, 0A). All else may pass:
 * connections (08), rollbacks and deadlocks (40), resources (53), locks (55), an operator's shutdown (57) and
 * what the machine does (58, XX).
 */
export function failureOf(error: unknown, redact: (words: string) => string): Failure {
  const words = redact(error instanceof Error ? error.message : String(error));
  if (error instanceof Unusable) return { status: "blocked", reason: words };
  if (error instanceof TimedOut) return { status: "retry", reason: words };
  if (!isServerError(error)) return ofTheWire(error, words);
  const reason = `PostgreSQL ${error.code}: ${words}`;
  switch (error.code.slice(0, 2)) {
    case "22":
    case "23":
    case "44":
    case "P0":
      return { status: "rejected", reason };
    case "54":
      return { status: "tooLarge", reason };
    case "0A":
    case "28":
    case "3D":
    case "3F":
    case "42":
      return { status: "blocked", reason: `${reason}${adviceOn(error.code)}` };
    default:
      return { status: "retry", reason };
  }
}

function adviceOn(code: string): string {
  if (code.startsWith("28")) return " (mend user and password)";
  if (code === "3D000") return " (make the database, or name another one)";
  if (code === "42501")
    return " (let the user write there, or make the schema for it: CREATE SCHEMA … AUTHORIZATION …)";
  if (code === "42P01" || code === "42703" || code === "42P07" || code === "42P10") {
    return " (its tables are not the ones of sluice: give this sink a schema of its own)";
  }
  return "";
}

/** Does the connection still work after it? Only where the server has answered, and not hung up. */
export function leavesConnection(error: unknown): boolean {
  return isServerError(error) && error.severity === "ERROR";
}

function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && error.name === "PostgresError" && codeOf(error) !== undefined;
}

function ofTheWire(error: unknown, words: string): Failure {
  if (codeOf(error) === "SASL_SIGNATURE_MISMATCH") {
    return { status: "blocked", reason: `${words}: this is not the server that knows the password` };
  }
  return failureOfError(error, words);
}
