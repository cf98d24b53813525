import type { Event } from "@sluice/sdk";
import { busPlace, deriveId, isComplete } from "@sluice/sdk/internal";
import { FLAG_BINDS, FLAG_PARTIAL, FLAG_UNBOUND, type NewRecord } from "../../spool/spool.ts";

/**
 * Says in the header of an event of the bus what the assembler needs to find the trace of those that came
 * before it was known (dispatch/assembler/parking.ts). Until then they are nothing to any other route.
 */
export function forBinding(record: NewRecord, { traceId, session }: Event): NewRecord {
  if (session === undefined) return record;
  if (traceId !== undefined) return { ...record, flags: record.flags | FLAG_BINDS };
  const flags = record.flags | FLAG_PARTIAL | FLAG_UNBOUND;
  return { ...record, flags, orderKey: busPlace(session) };
}

/**
 * There is one id for the complete end of a run. An end that waits for its trace leaves it to what the
 * assembler makes of it.
 */
export function withWaitingId(event: Event): Event {
  const isWaiting = event.traceId === undefined && isComplete(event);
  return isWaiting ? { ...event, id: deriveId(event.id, "unbound") } : event;
}
