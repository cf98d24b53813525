import type { Event } from "@sluice/sdk";
import { FLAG_PARTIAL, type SpoolRecord } from "../spool/spool.ts";

/**
 * Why a record is not for this route; undefined if it is. Looks at the header first, at the event only if
 * there is a filter.
 */
export function skipReason(
  record: SpoolRecord,
  skips: ((kindCode: number) => string | undefined) | undefined,
  filter: ((event: Event) => boolean) | undefined,
): string | undefined {
  // Only the assembler reads these; they come again as part of a complete event.
  if ((record.flags & FLAG_PARTIAL) !== 0) return "partial";
  const reason = skips?.(record.kindCode);
  if (reason !== undefined) return reason;
  return filter && !passes(record, filter) ? "filtered" : undefined;
}

/**
 * What cannot be read is not filtered out: the sink's own decoding finds it and it becomes a dead letter,
 * seen by somebody.
 */
function passes(record: SpoolRecord, filter: (event: Event) => boolean): boolean {
  let event: Event;
  try {
    event = record.event;
  } catch {
    return true;
  }
  return filter(event);
}
