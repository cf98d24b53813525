import { type Event, KIND_CODES } from "@sluice/sdk";
import { encodeEvent } from "@sluice/sdk/internal";
import { Received } from "../../spool/received.ts";
import type { NewRecord } from "../../spool/spool.ts";

/** The end of a run as the spool takes it. */
export function encodeEnd(event: Event, flags: number): NewRecord {
  const received = new Received(Buffer.from(encodeEvent(event)));
  const orderKey = event.traceId ?? event.runId;
  return {
    id: event.id,
    kindCode: KIND_CODES["run.ended"],
    flags,
    ...(event.runId !== undefined && { runId: event.runId }),
    ...(orderKey !== undefined && { orderKey }),
    received,
    body: received.bytes,
  };
}
