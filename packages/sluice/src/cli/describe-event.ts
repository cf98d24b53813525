import { eventLine, printable } from "../sinks/event-line.ts";

/** An event's JSON as one line for people. JSON that is no event stays as it is. */
export function describeEvent(json: string): string {
  try {
    return eventLine(JSON.parse(json));
  } catch {
    return printable(json);
  }
}
