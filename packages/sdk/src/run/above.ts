import type { Scope, Session } from "../event/event.ts";
import type { RunOptions } from "./active-run.ts";
import { currentRun } from "./context.ts";
import { parseTraceparent, SAMPLED } from "./traceparent.ts";

export interface Above {
  readonly runId?: string;
  readonly spanId?: string;
  readonly traceId?: string;
  readonly flags: number;
  readonly scope?: Scope;
  readonly session?: Session;
}

/** What a run has from the one above it. */
export function aboveOf(parent: RunOptions["parent"]): Above {
  if (typeof parent === "string") return parseTraceparent(parent) ?? { flags: SAMPLED };
  const run = parent === undefined ? currentRun() : parent;
  const trace = parseTraceparent(run?.traceparent);
  if (run === undefined || run === null || trace === undefined) return { flags: SAMPLED };
  const { id: runId, scope, session } = run;
  const { traceId, flags } = trace;
  return {
    ...{ runId, traceId, flags },
    ...(scope !== undefined && { scope }),
    ...(session !== undefined && { session }),
  };
}
