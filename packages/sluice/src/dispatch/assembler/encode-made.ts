import { type Event, kindCode } from "@sluice/sdk";
import { encodeEvent } from "@sluice/sdk/internal";
import { Received } from "../../spool/received.ts";
import type { NewRecord } from "../../spool/spool.ts";

/** What the assembler has made, as the spool takes it. */
export function encodeMade(event: Event, flags: number): NewRecord {
  const received = new Received(Buffer.from(encodeEvent(event)));
  const orderKey = event.traceId ?? event.runId;
  return {
    id: event.id,
    kindCode: kindCode(event.kind),
    flags,
    ...(event.runId !== undefined && { runId: event.runId }),
    ...(orderKey !== undefined && { orderKey }),
    received,
    body: received.bytes,
  };
}
