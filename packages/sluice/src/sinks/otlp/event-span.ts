import type { Event } from "@sluice/sdk";
import { numberOf, spanIdOf, traceIdOf } from "@sluice/sdk/internal";
import { nanosOf } from "./nanos.ts";
import type { Profile } from "./profile.ts";
import { FLAGS_SAMPLED, parentSpanIdOf, runSpan } from "./run-span.ts";
import { SPAN_KIND, type Span, STATUS_CODE } from "./span.ts";
import type { SpanHome } from "./span-home.ts";

/** What becomes of one event: its span, or why it has none. */
export type Mapped = { readonly span: Span } | { readonly skipped: string };

/**
 * The projection of one event to OTLP traces. A complete run is one span, sent once, when it has ended: spans
 * cannot be changed afterwards, so nothing is sent for its start, nor for an end that came after the run had
 * been closed. A hit in a response cache and a failed initialisation, which no run tells of, are spans
 * without length. What belongs to logs (scores, sessions, events of one's own) has no place among traces; a
 * tool call that the model asked for stands in the messages of its run.
 */
export function eventSpan(event: Event, home: SpanHome, profile: Profile): Mapped {
  const { run } = event;
  switch (event.kind) {
    case "run.ended":
      if (!run || event.runId === undefined) return { skipped: "unmapped" };
      if (run.startTime === undefined || run.status === undefined) return { skipped: "partial" };
      if ((numberOf(run.revision) ?? 1) > 1) return { skipped: "late" };
      return { span: runSpan(event, run, home, profile) };
    case "cache.hit":
      return { span: momentSpan(event, "cache.hit", home, profile) };
    case "init.failed": {
      const message = textIn(event, "error") ?? "The initialisation failed.";
      const span = momentSpan(event, "llm.init", home, profile);
      return { span: { ...span, status: { code: STATUS_CODE.error, message } } };
    }
    default:
      return { skipped: "unmapped" };
  }
}

/** Below the run it happened in; without one, below what that run would hang from. */
function momentSpan(event: Event, name: string, home: SpanHome, profile: Profile): Span {
  const time = nanosOf(event.time);
  const parentSpanId = event.runId === undefined ? parentSpanIdOf(event) : spanIdOf(event.runId);
  return {
    ...home,
    traceId: traceIdOf(event),
    spanId: spanIdOf(event.id),
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: SPAN_KIND.internal,
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    attributes: profile(event, undefined),
    flags: FLAGS_SAMPLED,
  };
}

/** A text in the event's data. */
export function textIn(event: Event, name: string): string | undefined {
  const value: unknown = Object(event.data)[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
