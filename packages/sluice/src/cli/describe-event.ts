import { HEALTH_KIND } from "../daemon/health-event.ts";
import type { SinkHealth } from "../daemon/status.ts";
import { eventLine, printable } from "../sinks/event-line.ts";

/** An event's JSON as one line for people. JSON that is no event stays as it is. */
export function describeEvent(json: string): string {
  try {
    const event = JSON.parse(json);
    return event.kind === HEALTH_KIND ? healthLine(event) : eventLine(event);
  } catch {
    return printable(json);
  }
}

interface HealthEvent {
  readonly time: string;
  readonly kind: string;
  readonly data: SinkHealth;
}

/** `12:30:05.123 sink.health    lunary unavailable: HTTP 503` */
function healthLine({ time, kind, data }: HealthEvent): string {
  const { name, replay, state, reason = data.lastError } = data;
  const why = state === "healthy" || reason === undefined ? "" : `: ${reason}`;
  const whose = replay ? `${name} (replay)` : name;
  return printable(`${time.slice(11, 23)} ${kind.padEnd(14)} ${whose} ${state}${why}`);
}
