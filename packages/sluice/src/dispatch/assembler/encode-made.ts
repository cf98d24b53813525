import { type Event, kindCode } from "@sluice/sdk";
import { encodeEvent, isComplete } from "@sluice/sdk/internal";
import { Received } from "../../spool/received.ts";
import { runEndOf } from "../../spool/run-end.ts";
import type { NewRecord } from "../../spool/spool.ts";

/** What the assembler has made, as the spool takes it. */
export function encodeMade(event: Event, flags: number): NewRecord {
  const received = new Received(Buffer.from(encodeEvent(event)));
  const orderKey = event.traceId ?? event.runId;
  const end = event.run !== undefined && isComplete(event) ? runEndOf(event.run) : undefined;
  return {
    id: event.id,
    kindCode: kindCode(event.kind),
    flags,
    ...(event.runId !== undefined && { runId: event.runId }),
    ...(orderKey !== undefined && { orderKey }),
    received,
    body: received.bytes,
    ...(end !== undefined && { end }),
  };
}
