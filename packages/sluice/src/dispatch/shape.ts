import type { Event } from "@sluice/sdk";
import { FLAG_PARTIAL, type SpoolRecord } from "../spool/spool.ts";
import { withEvent } from "./delivery/own-record.ts";

/** What a route makes of a record before its sink sees it: the record, another one, or why it is skipped. */
export type Shape = (record: SpoolRecord) => SpoolRecord | SkipReason;
type SkipReason = string;

export interface ShapeOptions {
  /** The sink's own word on kinds that it has no form for. */
  readonly skips: ((kindCode: number) => string | undefined) | undefined;
  readonly filter: ((event: Event) => boolean) | undefined;
  /** The event, less of it, or undefined for one that is left out. Pure: a record may be shaped again. */
  readonly sample: ((event: Event) => Event | undefined) | undefined;
}

/** Looks at the header first, at the event only if somebody asks for it. */
export function createShape({ skips, filter, sample }: ShapeOptions): Shape {
  return (record) => {
    // Only the assembler reads these; they come again as part of a complete event.
    if ((record.flags & FLAG_PARTIAL) !== 0) return "partial";
    const reason = skips?.(record.kindCode);
    if (reason !== undefined) return reason;
    const event = (filter || sample) && readable(record);
    if (!event) return record;
    if (filter?.(event) === false) return "filtered";
    const sampled = sample ? sample(event) : event;
    if (sampled === undefined) return "sampled";
    return sampled === event ? record : withEvent(record, sampled);
  };
}

/**
 * What cannot be read is not filtered out: the sink's own decoding finds it and it becomes a dead letter,
 * seen by somebody.
 */
function readable(record: SpoolRecord): Event | undefined {
  try {
    return record.event;
  } catch {
    return undefined;
  }
}
