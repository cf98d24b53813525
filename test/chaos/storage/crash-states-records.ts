import { crc32 } from "node:zlib";
import { Received } from "../../../packages/sluice/src/spool/received.ts";
import type { NewRecord } from "../../../packages/sluice/src/spool/spool.ts";

/** What the recorded program says about itself, at its place among its calls to the system. */
export type Mark =
  /** About to be handed to append. */
  | { readonly handed: readonly string[] }
  | { readonly acked: string; readonly offset: number }
  /** About to be committed for the route ROUTE, and with `durable` when that commit has resolved. */
  | { readonly ledger: number; readonly low: number }
  | { readonly durable: number }
  /** About to be called. */
  | { readonly trim: number }
  /** A sink's entry in routes.json, once it is durable. */
  | { readonly registered: string; readonly place: string; readonly firstOffset: number }
  /** The sink has taken these. */
  | { readonly taken: readonly string[] }
  /** A whole route's ledger is durable up to there. */
  | { readonly settled: number };

/** A route whose ledgers are numbers. */
export const ROUTE = "numbered";
/** A sink's route, with everything that belongs to it. */
export const SINK = "hooks";
export const SEGMENT_BYTES = 12 * 1024;

const records = new Map<string, NewRecord>();

/** An event whose bytes follow from its id: mostly small, a few of several sectors. Made once. */
export function recordOf(id: string): NewRecord {
  const known = records.get(id);
  if (known) return known;
  const body = bodyOf(id);
  const record = { id, kindCode: 0, flags: 0, received: new Received(body), body };
  records.set(id, record);
  return record;
}

function bodyOf(id: string): Buffer {
  let state = crc32(id) || 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const length = Math.floor(4_000 * next() ** 3);
  let text = "";
  while (text.length < length) text += next().toString(36).slice(2);
  return Buffer.from(
    JSON.stringify({ id, kind: "note.made", time: "2026-01-01T00:00:00.000Z", data: { text } }),
  );
}

/** A ledger with a number and the offset up to which it settles. */
export function ledgerOf(number: number, low: number): Buffer {
  const bytes = Buffer.alloc(700, number & 0xff);
  bytes.writeUInt32LE(number, 0);
  bytes.writeUInt32LE(low, 4);
  return bytes;
}
