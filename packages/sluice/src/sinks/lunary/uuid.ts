import { createHash } from "node:crypto";

/** Minted once for this purpose. A change would give every run a second identity at Lunary. */
const NAMESPACE = Buffer.from("5f0c9a52b7d84e4f9c1e3a7b2d6480f1", "hex");
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The run's id at Lunary, which stores UUIDs only: the id itself if it is one, else a UUIDv5 of it. The same
 * id gives the same UUID for ever, so a retry or a replay meets its own run again. Lunary's run ids are
 * global: names like "run-1" meet those of other projects there, UUIDs do not.
 */
export function lunaryId(runId: string): string {
  if (UUID.test(runId)) return runId;
  const digest = createHash("sha1").update(NAMESPACE).update(runId.toWellFormed()).digest().subarray(0, 16);
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x50, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  return digest.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
