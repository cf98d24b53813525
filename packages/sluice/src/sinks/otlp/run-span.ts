import type { Event, Run } from "@sluice/sdk";
import { spanIdOf, traceIdOf } from "@sluice/sdk/internal";
import { nanosOf } from "./nanos.ts";
import { callsModel, spanNameOf } from "./operation.ts";
import type { Profile } from "./profile.ts";
import { SPAN_KIND, type Span, type SpanEvent, STATUS_CODE } from "./span.ts";
import type { SpanHome } from "./span-home.ts";

/** W3C's "sampled": some backends take a span without it for one that nobody wants. */
export const FLAGS_SAMPLED = 1;

/**
 * The one span of a complete run. Everything in it follows from the event: the same event is the same span,
 * byte for byte, whenever and wherever it is sent again; a backend that knows (trace id, span id, start) sees
 * one span then. Throws for a time that is none.
 */
export function runSpan(event: Event, run: Run, home: SpanHome, profile: Profile): Span {
  const start = nanosOf(run.startTime ?? event.time);
  const end = nanosOf(event.time);
  const parentSpanId = parentSpanIdOf(event);
  const events = run.error?.stack === undefined ? undefined : [exceptionOf(run, run.error.stack, end)];
  return {
    ...home,
    traceId: traceIdOf(event),
    spanId: spanIdOf(event.runId ?? event.id),
    ...(parentSpanId !== undefined && { parentSpanId }),
    name: spanNameOf(run),
    kind: callsModel(run) ? SPAN_KIND.client : SPAN_KIND.internal,
    startTimeUnixNano: start,
    // Two machines, two clocks: no backend takes a span that ends before it began.
    endTimeUnixNano: end < start ? start : end,
    attributes: profile(event, run),
    ...(events && { events }),
    ...(run.status === "error" && { status: { code: STATUS_CODE.error, message: messageOf(run) } }),
    flags: FLAGS_SAMPLED,
  };
}

const SPAN_ID = /^(?!0{16})[\da-f]{16}$/;

/** The span of the run above, else the span that a `traceparent` header named. */
export function parentSpanIdOf(event: Event): string | undefined {
  if (event.parentRunId !== undefined) return spanIdOf(event.parentRunId);
  const digits = event.parentSpanId?.toLowerCase();
  return digits !== undefined && SPAN_ID.test(digits) ? digits : undefined;
}

function messageOf(run: Run): string {
  return run.error?.message ?? run.reason ?? "The run failed.";
}

function exceptionOf(run: Run, stack: string, timeUnixNano: bigint): SpanEvent {
  const { type } = run.error ?? {};
  return {
    timeUnixNano,
    name: "exception",
    attributes: {
      ...(type !== undefined && { "exception.type": type }),
      "exception.message": messageOf(run),
      "exception.stacktrace": stack,
    },
  };
}
