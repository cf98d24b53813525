import { crc32 } from "node:zlib";
import { type Event, KIND_CODES } from "@sluice/sdk";
import { encodeEvent } from "@sluice/sdk/internal";
import type { NewRecord } from "../spool/spool.ts";

/** The end of a run as the spool takes it. */
export function encodeEnd(event: Event, flags: number): NewRecord {
  const body = Buffer.from(encodeEvent(event));
  const orderKey = event.traceId ?? event.runId;
  return {
    id: event.id,
    kindCode: KIND_CODES["run.ended"],
    flags,
    ...(event.runId !== undefined && { runId: event.runId }),
    ...(orderKey !== undefined && { orderKey }),
    receivedCrc: crc32(body),
    body,
  };
}
