import { hash } from "node:crypto";
import { deriveId } from "./ids.ts";

/** The 16 digits that stand for a run where spans are meant. Version 5 of the UUID keeps them from being 0. */
export function spanIdOf(runId: string): string {
  return deriveId(runId, "span").replaceAll("-", "").slice(0, 16);
}

const TRACE_ID = /^(?!0{32})[\da-f]{32}$/;

/**
 * The 32 digits of the trace that an event stands in: its trace id if that is one to OpenTelemetry, else what
 * the same name always gives. An event without a trace is one of its run's own.
 */
export function traceIdOf(event: {
  readonly id: string;
  readonly traceId?: string;
  readonly runId?: string;
}): string {
  const { traceId } = event;
  if (traceId !== undefined && TRACE_ID.test(traceId)) return traceId;
  const digits = hash("sha256", `trace\n${traceId ?? event.runId ?? event.id}`).slice(0, 32);
  return TRACE_ID.test(digits) ? digits : `1${digits.slice(1)}`;
}
