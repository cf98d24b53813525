/**
 * The `traceparent` header of W3C Trace Context, so that runs stand in the same trace as the spans of
 * OpenTelemetry around them:
 *
 *     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *     │  trace id, 32 digits              │                └ flags: 1 sampled, 2 the trace id is random
 *     version                             span id, 16 digits
 *
 * Digits are lower case; an id of zeros only is none. Version ff is forbidden. A version that is newer than
 * ours is read by what 00 promises of it: its beginning, and only the sampled flag.
 */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

export const SAMPLED = 1;
const RANDOM = 2;

const FORM = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/s;
const ZEROS = /^0+$/;

/** Reads a header; undefined for anything that is none, of whatever type. Never throws. */
export function parseTraceparent(header: unknown): TraceParent | undefined {
  const parts = typeof header === "string" ? FORM.exec(header) : null;
  const [, version, traceId, spanId, flags = "", rest] = parts ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined) return undefined;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  const known = version === "00" ? SAMPLED | RANDOM : SAMPLED;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & known };
}

/** Writes a header of version 00. */
export function formatTraceparent(parent: TraceParent): string {
  return `00-${parent.traceId}-${parent.spanId}-${parent.flags.toString(16).padStart(2, "0")}`;
}
