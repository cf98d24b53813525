import type { JsonObject, Run } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";

/** How a run ended, as an HTTP answer would have said it. */
export interface RunOutcome {
  readonly status: number;
  /** The body's `error`. Always JSON: the server cannot parse what is not under a status of 400 and more. */
  readonly error?: JsonObject;
}

const OK = 200;
/** What is said where a failure had no status. */
const NO_STATUS = 500;
/** nginx's "client closed request", which is what a cancelled call is. */
const CANCELLED = 499;

/**
 * The provider's own status where there is one. A run that broke off after it had answered something is an
 * answer, and says by its properties that it is not all of it.
 */
export function outcomeOf(run: Run): RunOutcome {
  switch (run.status) {
    case "error":
      return { status: failureStatus(run), error: errorOf(run, "The run failed.") };
    case "cancelled":
      return { status: CANCELLED, error: { ...errorOf(run, "The run was cancelled."), type: "cancelled" } };
    case "incomplete":
      if (run.response?.output !== undefined) return { status: OK };
      return { status: NO_STATUS, error: errorOf(run, "The run has no end.") };
    default:
      return { status: OK };
  }
}

function failureStatus(run: Run): number {
  const said = [run.error?.status, run.http?.status].map(numberOf);
  return said.find((status) => status !== undefined && status >= 400) ?? NO_STATUS;
}

function errorOf(run: Run, otherwise: string): JsonObject {
  const { message, type, code } = run.error ?? {};
  return {
    message: message ?? run.reason ?? otherwise,
    ...(type !== undefined && { type }),
    ...(code !== undefined && { code }),
  };
}
