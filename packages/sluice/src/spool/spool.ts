import type { Event, Run } from "@sluice/sdk";
import type { Received } from "./received.ts";

/**
 * The seam between what lets events in and what delivers them: durable, ordered, replayable.
 *
 * An acknowledged record is never lost, as far as its durability goes, and never changes. Offsets are numbers
 * without gaps, given at append; a reader sees a record only when it is on the disk, whatever was asked for:
 * a route must never settle an offset that a power cut could give to another record. Nothing here knows a
 * route, a sink or a backend: a ledger is bytes to the spool. Two implementations: `file/` (the default) and
 * `memory.ts` (tests, embedding without durability).
 */
export interface Spool {
  readonly state: SpoolState;
  readonly layout: Layout;

  /**
   * Appends in the order given and resolves when every accepted record is as durable as the call asks for
   * ("disk" if it does not say); calls are served first come, first served, and share syncs. One outcome per
   * record, in order. Never rejects for what a disk can do, and never waits for one for more than 2 seconds.
   */
  append(
    records: readonly NewRecord[],
    signal?: AbortSignal,
    durability?: Durability,
  ): Promise<readonly AppendOutcome[]>;

  /**
   * Durable records of a partition from offset `from` on, in order: at least one, at most `limit`. Waits
   * while there is none; an aborted signal, or closing, resolves to an empty list. Rejects if the disk cannot
   * be read: nothing is lost by that, and the same call may succeed later. Where `from` was trimmed away or
   * damaged, reading starts at the next that is there.
   */
  read(
    partition: number,
    from: number,
    limit: ReadLimit,
    signal: AbortSignal,
  ): Promise<readonly SpoolRecord[]>;

  /**
   * Takes a route's ledger. A later lease of the same route ends the earlier one: its commits are refused,
   * its signal aborts.
   */
  lease(route: string, partition: number): Promise<Lease>;

  /**
   * Stores a ledger. `durable` also syncs it. False when the lease was lost. Rejects if the disk fails; the
   * ledger that was stored before still stands then.
   */
  commit(lease: Lease, ledger: Uint8Array, durable: boolean): Promise<boolean>;

  /**
   * Allows everything below `before` to be removed. Space comes back in whole segments. Ledgers that allow it
   * must be durable by then. Rejects if the disk fails; nothing is removed then, and a later call tries
   * again.
   */
  trim(partition: number, before: number): Promise<void>;

  /** Finishes appends that were already called, then releases everything. Idempotent. */
  close(): Promise<void>;
}

/**
 * What an acknowledgement is worth. `disk`: synced; it survives a power cut. `os`: in the system's page
 * cache, and synced within a second; it survives the end of the process, however it ends.
 */
export type Durability = "disk" | "os";

export interface SpoolState {
  readonly partitions: number;
  /** The lowest offset that is still there; equals `nextOffset` when empty. */
  readonly firstOffset: number;
  /** Records below it are durable and readable. What comes next gets this offset or a later one. */
  readonly nextOffset: number;
  /** What counts against `maxBytes`. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Records that were lost to damage, ever, in this spool. */
  readonly damaged: number;
  /** Records that were acknowledged as `os` and are not synced yet: what a power cut would take now. */
  readonly unsynced: number;
  /** Why appends are refused right now. */
  readonly refusing?: string;
  /** The same for programs. */
  readonly refusingCode?: RefusalCode;
}

/** Where the records lie, and in how much space: always as of now, and cheap enough for every append. */
export interface Layout {
  /**
   * About how many bytes the records from offset `from` on take: what a reader that stands there keeps. Off
   * by 128 KiB at the most.
   */
  bytesFrom(partition: number, from: number): number;

  /**
   * The lowest offset below which everything would have to be trimmed for at least `bytes` to come back;
   * where so much cannot, the offset that brings back the most.
   */
  offsetToFree(partition: number, bytes: number): number;

  /**
   * Where the record with this id lies, among the newest ids that decide what is a duplicate; undefined for
   * one that is not known, or not any more. It may not be durable yet.
   */
  offsetOf(partition: number, id: string): number | undefined;
}

/**
 * What a source hands over. The body is the event's JSON; the rest stands in the record header, readable
 * without parsing. Neither the body nor what was received may change any more: readers may be given these
 * very bytes.
 */
export interface NewRecord {
  readonly id: string;
  readonly kindCode: number;
  readonly flags: number;
  readonly runId?: string;
  /** Trace id, else run id: what must stay in order. */
  readonly orderKey?: string;
  /**
   * The item as it was received, before transforms, with its sum: same id and same sum is a duplicate,
   * another sum a conflict. Where the body is these very bytes, their sum is not taken again.
   */
  readonly received: Received;
  readonly body: Uint8Array;
  /** Of a complete end that can be metered, until it is: see run-end.ts. Not stored. */
  readonly end?: Run;
}

/** Bits of a record's `flags`. */
export const FLAG_PARTIAL = 1;
export const FLAG_ASSEMBLED = 2;
export const FLAG_CLOSING = 4;
export const FLAG_REVISION = 8;
/**
 * Of the bus, and came without a trace. With FLAG_PARTIAL and without FLAG_ASSEMBLED it waits for one; what
 * the assembler makes of it then has both this and FLAG_ASSEMBLED.
 */
export const FLAG_UNBOUND = 16;
/** Of the bus, and says to which trace its session belongs. */
export const FLAG_BINDS = 32;
/** May use the space that is kept back for closing open runs (`NewRecord` only; not stored). */
export const FLAG_RESERVE = 128;
/** Nobody may read it: every route settles it as dropped{quarantined} (read records only; not stored). */
export const FLAG_SET_ASIDE = 256;

export type AppendOutcome =
  | { readonly status: "appended"; readonly offset: number }
  | { readonly status: "duplicate"; readonly offset: number }
  | { readonly status: "conflict"; readonly offset: number }
  /** No space by policy or by the volume. `reason` names who holds it. Try again later. */
  | { readonly status: "full"; readonly reason: string }
  /** The disk failed, or the spool is closed. Not stored. */
  | { readonly status: "failed"; readonly reason: string }
  /**
   * The disk does not answer. The record may yet become durable: appending it again is safe, and then a
   * duplicate.
   */
  | { readonly status: "slow"; readonly reason: string };

/** Why a record was not taken, by the spool's doing rather than by its own. */
export type Refusal = Extract<AppendOutcome, { status: "full" | "failed" | "slow" }>;

/** What people and programs read: in answers, in health, in metrics. */
export const REFUSAL_CODES = {
  full: "spool_full",
  failed: "spool_failed",
  slow: "storage_slow",
} as const satisfies Record<Refusal["status"], string>;

type RefusalCode = (typeof REFUSAL_CODES)[Refusal["status"]];

export interface SpoolRecord {
  readonly offset: number;
  readonly kindCode: number;
  readonly flags: number;
  /**
   * 48 bits of a hash of the run id; 0 without one. Equal ids give equal keys; check the id where a collision
   * would matter.
   */
  readonly runKey: number;
  /** The same of the order key. */
  readonly orderKey: number;
  readonly body: Uint8Array;
  /**
   * The decoded body. Decoded on first use and kept with the record, so that all routes share it. Throws if
   * it is no event.
   */
  readonly event: Event;
}

export interface ReadLimit {
  readonly records: number;
  readonly bytes: number;
}

export interface Lease {
  readonly route: string;
  readonly partition: number;
  readonly epoch: number;
  /** The stored ledger, newest valid slot; undefined if there is none (or none that can be believed). */
  readonly ledger: Uint8Array | undefined;
  /** Aborts when the lease is lost. */
  readonly lost: AbortSignal;
}
