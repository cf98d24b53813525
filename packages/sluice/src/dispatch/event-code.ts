import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { type Event, KIND_CODES } from "@sluice/sdk";
import type { NewRecord } from "../spool/spool.ts";

const NAMESPACE = Buffer.from("28993521d2b9583dafccc571c1e17022", "hex");

/** UUIDv5 of a fact that follows from another. */
export function deriveId(id: string, name: string): string {
  const digest = createHash("sha1").update(NAMESPACE).update(`${id}\n${name}`).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return digest.toString("hex", 0, 16).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

/** The end of a run as the spool takes it. */
export function encodeEnd(event: Event, flags: number): NewRecord {
  const body = Buffer.from(JSON.stringify(event));
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
