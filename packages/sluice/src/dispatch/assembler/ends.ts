import type { Event } from "@sluice/sdk";
import {
  type AppendOutcome,
  FLAG_ASSEMBLED,
  FLAG_CLOSING,
  FLAG_RESERVE,
  FLAG_REVISION,
  type NewRecord,
  type Spool,
  type SpoolRecord,
} from "../../spool/spool.ts";
import { encodeMade } from "./encode-made.ts";
import { reviseRun } from "./join.ts";

/** Records are read back one at a time, whatever their size; a reader gives at least one. */
const ONE = { records: 1, bytes: 1 } as const;

/** The disk could not be read. It may be readable later, so nothing is concluded from it. */
export class NotReadable extends Error {}

/**
 * The record at `offset`, or undefined if it is not there any more. @throws NotReadable if the disk fails.
 */
export async function readBack(
  spool: Spool,
  partition: number,
  offset: number,
  signal: AbortSignal,
): Promise<SpoolRecord | undefined> {
  const [record] = await spool.read(partition, offset, ONE, signal).catch((cause: unknown) => {
    throw new NotReadable(`the spool cannot be read: ${String(cause)}`, { cause });
  });
  return record?.offset === offset ? record : undefined;
}

/**
 * What becomes of a complete end whose id is taken (the spool said "conflict", at `offset`). If the assembler
 * had closed the run meanwhile, the end is appended as revision 2; if what stands there was made of the same
 * pieces, it is the same end and so a duplicate; anything else stays a conflict. The outcome is that of the
 * append that was made, if one was.
 */
export async function appendLateEnd(
  spool: Spool,
  partition: number,
  end: Event,
  offset: number,
  signal: AbortSignal,
): Promise<AppendOutcome> {
  const conflict: AppendOutcome = { status: "conflict", offset };
  const standing = await readBack(spool, partition, offset, signal);
  if (!standing) return conflict;
  if ((standing.flags & FLAG_CLOSING) === 0) {
    const isSame = samePieces(standing.event.run?.pieces, end.run?.pieces);
    return isSame ? { status: "duplicate", offset } : conflict;
  }
  const [outcome] = await spool.append([encodeRevision(standing.event, end)], signal);
  return outcome ?? conflict;
}

export function encodeRevision(closing: Event, end: Event): NewRecord {
  return encodeMade(reviseRun(closing, end), FLAG_ASSEMBLED | FLAG_REVISION | FLAG_RESERVE);
}

function samePieces(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((id) => b.includes(id));
}
