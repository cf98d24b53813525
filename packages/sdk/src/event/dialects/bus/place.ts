import type { Event } from "../../event.ts";

/**
 * The session of the bus that an event belongs to, as one text: ids of messages and tool calls are known
 * within it only, and so is the trace that its events are bound to.
 */
export function busPlace({ connector, nativeId }: NonNullable<Event["session"]>): string {
  return JSON.stringify([connector, nativeId]);
}
