import type { Event } from "@sluice/sdk";
import { spanIdOf, traceIdOf } from "@sluice/sdk/internal";
import { eventSpan, type Mapped } from "../otlp/event-span.ts";
import { nanosOf } from "../otlp/nanos.ts";
import type { Profile } from "../otlp/profile.ts";
import { parentSpanIdOf } from "../otlp/run-span.ts";
import { SPAN_KIND, type Span, STATUS_CODE } from "../otlp/span.ts";
import type { SpanHome } from "../otlp/span-home.ts";
import { nameOf, type Observation, observationOf } from "./observation.ts";

/**
 * The span of one event, as Langfuse is to show it. Runs are spans as any OTLP backend gets them, under the
 * name that the application has for them; and a tool call that the model asked for, and an event of one's
 * own, is a span without length below its run. Its id comes from the event's. Nothing is sent for the start
 * of a run: what Langfuse v4 has stored, it does not change.
 */
export function langfuseSpan(event: Event, home: SpanHome, profile: Profile): Mapped {
  if (event.kind === "run.started") return { skipped: "sent_with_end" };
  if (event.kind === "run.ended") {
    const mapped = eventSpan(event, home, profile);
    return event.run && "span" in mapped ? { span: { ...mapped.span, name: nameOf(event.run) } } : mapped;
  }
  const observation = observationOf(event);
  if (!observation) return { skipped: "unmapped" };
  return { span: momentSpan(event, observation, home, profile) };
}

function momentSpan(
  event: Event,
  { name, level, statusMessage }: Observation,
  home: SpanHome,
  profile: Profile,
) {
  const time = nanosOf(event.time);
  const parentSpanId = event.runId === undefined ? parentSpanIdOf(event) : spanIdOf(event.runId);
  const span: Span = {
    ...home,
    traceId: traceIdOf(event),
    spanId: spanIdOf(event.id),
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: SPAN_KIND.internal,
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    attributes: profile(event, undefined),
    ...(level === "ERROR" && { status: { code: STATUS_CODE.error, message: statusMessage ?? "" } }),
  };
  return span;
}
