import { type Clock, type Disk, oneSyncAtATime, type Random } from "@sluice/sdk/internal";
import { Dedupe } from "../dedupe.ts";
import { Leases } from "../leases.ts";
import {
  type AppendOutcome,
  type Durability,
  type Layout,
  type Lease,
  type NewRecord,
  REFUSAL_CODES,
  type ReadLimit,
  type Refusal,
  type Spool,
  type SpoolRecord,
  type SpoolState,
} from "../spool.ts";
import { Waiting } from "../waiting.ts";
import { ActiveSegment } from "./active.ts";
import type { Damage } from "./damage.ts";
import type { Headers } from "./headers.ts";
import { Ledgers } from "./ledgers.ts";
import type { SegmentLog } from "./log.ts";
import { SegmentMaker } from "./maker.ts";
import { type Owner, takeOwner } from "./owner.ts";
import { Place } from "./place.ts";
import { Reader } from "./reader.ts";
import { recoverSpool } from "./recover.ts";
import { Space } from "./space.ts";
import { GROUP_BYTES_MAX, Staging } from "./staging.ts";
import { checkFormat } from "./survey.ts";
import { Tail } from "./tail.ts";
import type { TallyFile } from "./tally.ts";
import { Writer } from "./writer.ts";

/**
 * The file spool: an append-only log of segments in `<dataDir>/spool/`.
 *
 * **Format.** Files `000000000001.seg`, `…2.seg` …, each a header block (segment.ts) and records (record.ts)
 * whose offsets have no gaps; beside them `tally` (tally.ts), what the segments cannot say, and `spare`, the
 * next segment in the making (maker.ts). Routes' ledgers are slot files in `ledgers/` (slots.ts). A later
 * segment's first offset ends every earlier one there: that is how a group moves away from a file that
 * failed, without touching that file again.
 *
 * **Writing.** `append` queues; one loop (writer.ts) packs what is queued into the staging buffer
 * (staging.ts), finds duplicates (dedupe.ts), writes once, syncs once, and only then makes the records
 * visible and acknowledges them. Zeros are written ahead when nobody appends (active.ts), because overwriting
 * is cheaper to sync than growing. Space is asked for before anything is written (space.ts), and a write that
 * comes out short is taken back: there is never half a record.
 *
 * **Reading.** The newest records are handed out from memory, as they were appended, once they are durable
 * (tail.ts). For older ones a sparse index leads to a block of records (log.ts, blocks.ts), each of which is
 * checked again as it is read: damage is skipped and counted. Both are shared by all routes, and each record
 * is decoded once for all of them.
 *
 * **Recovery.** A survey (survey.ts, scan.ts) reads all segments and changes nothing; it is also what `sluice
 * verify` runs. Then the repair (repair.ts): a torn tail is cut off, what cannot be read is copied to
 * `quarantine/`, leftovers go. A damaged record costs itself; gaps between offsets say exactly how many were
 * lost. The ids of retained records go back into dedupe.
 *
 * **Owner.** One process at a time (owner.ts). A spool of a newer format is refused before anything is
 * touched, the lock included.
 */
export interface FileSpoolOptions {
  readonly dataDir: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  /** What segments, ledgers and quarantine may take in all; with zeros ahead one segment more. */
  readonly maxBytes: number;
  /** What must stay free on the volume; appends that do not use the reserve are refused below it. */
  readonly minFreeBytes: number;
  /** The part of `maxBytes` that is kept back for records with FLAG_RESERVE. A 64th by default. */
  readonly reserveBytes?: number;
  /** For tests; a 16th of `maxBytes` by default, 64 MiB at most. */
  readonly segmentBytes?: number;
  /** For tests; what the newest records may keep in memory (tail.ts). 0 reads everything back. */
  readonly tailBytes?: number;
  /** Named in `owner.json`. */
  readonly version?: string;
  /** For tests on a disk in memory, and for a caller that has taken the data dir already. */
  readonly owner?: Owner;
  /** What an earlier check of the formats has read (headers.ts). */
  readonly headers?: Headers;
}

/**
 * A segment, for whoever decides what may be trimmed: all its records are older than the segment after it.
 */
export interface SegmentFacts {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly bytes: number;
  readonly createdAtMs: number;
}

const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Space comes back in whole segments, so there must be some: with 16 the last one standing is 6 % of the
 * limit.
 */
const SEGMENTS_PER_SPOOL = 16;
const SEGMENT_BYTES_MIN = 64 * 1024;
const RESERVE_SHARE = 64;

/**
 * Opens, or makes, the spool of a data dir and takes the data dir for this process.
 * @throws SluiceError DATA_DIR_BUSY, DATA_DIR_UNUSABLE, SPOOL_TOO_NEW (nothing is changed then) or
 * SPOOL_UNREADABLE.
 */
export async function openFileSpool(options: FileSpoolOptions): Promise<FileSpool> {
  const { dataDir, clock, version = "" } = options;
  const disk = oneSyncAtATime(options.disk);
  const headers = await checkFormat(disk, `${dataDir}/spool`, options.headers);
  const owner = options.owner ?? (await takeOwner({ dataDir, disk, clock, version }));
  try {
    return await openOwned({ ...options, disk, owner, headers });
  } catch (error) {
    await owner.release();
    throw error;
  }
}

async function openOwned(
  options: FileSpoolOptions & { readonly owner: Owner; readonly headers: Headers },
): Promise<FileSpool> {
  const { dataDir, disk, clock, random, maxBytes, minFreeBytes, owner, headers } = options;
  const { reserveBytes = Math.floor(maxBytes / RESERVE_SHARE) } = options;
  const segmentBytes = options.segmentBytes ?? segmentBytesFor(maxBytes);
  const dedupe = new Dedupe();
  const recovered = await recoverSpool({ dataDir, disk, random, dedupe, headers });
  const { log, damage, tally, spoolId, nextNumber, tailBytes } = recovered;
  const directory = `${dataDir}/spool`;

  const waiting = new Waiting();
  const maker = new SegmentMaker({ disk, clock, random, directory, spoolId, nextNumber });
  await maker.adoptSpare(segmentBytes);
  const ledgers = new Ledgers(disk, `${dataDir}/ledgers`, spoolId);
  const place = await Place.open(disk, directory);
  const space = new Space({
    disk,
    clock,
    dataDir,
    log,
    place,
    limits: { maxBytes, minFreeBytes, reserveBytes, segmentBytes },
    besideBytes: () => ledgers.bytes + recovered.quarantineBytes,
  });
  const active = new ActiveSegment(log, maker, disk, space, segmentBytes);
  const last = log.segments.at(-1);
  if (last && last.endOffset === log.nextOffset) {
    active.resume(last, await disk.open(last.path, "write"), tailBytes);
  }
  const staging = new Staging(Math.min(GROUP_BYTES_MAX, segmentBytes));
  const tail = new Tail(options.tailBytes);
  const writer = new Writer({ clock, log, active, staging, dedupe, space, tail, waiting });
  const reader = new Reader(disk, log, damage, waiting, tail);
  space.watch(() => active.openFile);
  const parts = { disk, owner, log, damage, tally, dedupe, tail, writer, reader, ledgers, space };
  return new FileSpool({ ...parts, maxBytes });
}

function segmentBytesFor(maxBytes: number): number {
  const share = Math.floor(maxBytes / SEGMENTS_PER_SPOOL);
  return Math.max(SEGMENT_BYTES_MIN, Math.min(SEGMENT_BYTES_MAX, share));
}

interface Parts {
  readonly disk: Disk;
  readonly owner: Owner;
  readonly log: SegmentLog;
  readonly damage: Damage;
  readonly tally: TallyFile;
  readonly dedupe: Dedupe;
  readonly tail: Tail;
  readonly writer: Writer;
  readonly reader: Reader;
  readonly ledgers: Ledgers;
  readonly space: Space;
  readonly maxBytes: number;
}

export class FileSpool implements Spool {
  readonly layout: Layout;
  readonly #parts: Parts;
  readonly #leases = new Leases();
  #trimming: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.layout = {
      bytesFrom: (_partition, from) => parts.log.bytesFrom(from),
      offsetToFree: (_partition, bytes) => parts.log.offsetToFree(bytes),
      offsetOf: (_partition, id) => parts.dedupe.offsetOf(id),
    };
  }

  get state(): SpoolState {
    const { log, damage, tally, writer, space, maxBytes } = this.#parts;
    const { problem } = space;
    const refusing: Refusal | undefined =
      problem === undefined ? writer.refusing : { status: "failed", reason: problem };
    return {
      partitions: 1,
      firstOffset: log.firstOffset,
      nextOffset: log.nextOffset,
      bytes: space.usedBytes,
      maxBytes,
      damaged: tally.current.damagedBefore + damage.count,
      unsynced: writer.unsynced,
      ...(refusing && { refusing: refusing.reason, refusingCode: REFUSAL_CODES[refusing.status] }),
    };
  }

  /** Oldest first. */
  get segments(): readonly SegmentFacts[] {
    return this.#parts.log.segments.map(({ header, endOffset, endPosition }) => ({
      firstOffset: header.firstOffset,
      nextOffset: endOffset,
      bytes: endPosition,
      createdAtMs: header.createdAtMs,
    }));
  }

  append(
    records: readonly NewRecord[],
    signal?: AbortSignal,
    durability: Durability = "disk",
  ): Promise<readonly AppendOutcome[]> {
    return this.#parts.writer.append(records, signal, durability);
  }

  read(
    _partition: number,
    from: number,
    limit: ReadLimit,
    signal: AbortSignal,
  ): Promise<readonly SpoolRecord[]> {
    return this.#parts.reader.read(from, limit, signal);
  }

  async lease(route: string, partition: number): Promise<Lease> {
    const lease = this.#leases.take(route, partition);
    return lease(await this.#parts.ledgers.open(route));
  }

  async commit(lease: Lease, ledger: Uint8Array, durable: boolean): Promise<boolean> {
    if (!this.#leases.isHeld(lease)) return false;
    await this.#parts.ledgers.write(lease.route, ledger, durable);
    return true;
  }

  trim(_partition: number, before: number): Promise<void> {
    const trimmed = this.#trimming.then(() => this.#trim(before));
    this.#trimming = trimmed.catch(() => {}); // The caller of that trim has the error.
    return trimmed;
  }

  /** Resolves when nothing is queued and the zeros ahead are written. For measurements. */
  resting(): Promise<void> {
    return this.#parts.writer.resting();
  }

  /** Rejects if what was acknowledged as `os` could not be synced; everything is released all the same. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * The tally goes first: once it is durable the segments are gone for good, whichever unlinks a crash leaves
   * undone.
   */
  async #trim(before: number): Promise<void> {
    const { log, damage, tally, dedupe, tail, reader, writer, space, disk } = this.#parts;
    const gone = log.segments.slice(0, -1).filter(({ endOffset }, index) => {
      const next = log.segments[index + 1];
      return endOffset <= before && next !== undefined && next.header.firstOffset <= before;
    });
    const kept = log.segments[gone.length];
    if (gone.length === 0 || !kept || this.#closing) return;
    const trimmedBefore = kept.header.firstOffset;
    const damagedBefore = tally.current.damagedBefore + damage.countBelow(trimmedBefore);
    await tally.write({ trimmedBefore, damagedBefore, knownDurable: log.nextOffset });
    damage.dropBelow(trimmedBefore);
    dedupe.forgetBelow(trimmedBefore);
    tail.dropBelow(trimmedBefore);
    for (const segment of gone) {
      log.remove(segment);
      await reader.forget(segment);
      await disk.remove(segment.path);
    }
    space.madeRoom();
    writer.madeRoom();
  }

  async #close(): Promise<void> {
    const { writer, space, owner } = this.#parts;
    try {
      await writer.close();
    } finally {
      try {
        await space.close();
        await this.#closeRest();
      } finally {
        await owner.release();
      }
    }
  }

  async #closeRest(): Promise<void> {
    const { reader, tally, ledgers, log } = this.#parts;
    await this.#trimming;
    this.#leases.endAll();
    await reader.close();
    try {
      // From here on a tail that looks torn is damage: everything below was durable.
      const isNews = tally.current.knownDurable < log.nextOffset;
      if (isNews) await tally.write({ ...tally.current, knownDurable: log.nextOffset });
    } catch {
      // A failing disk must not keep the spool from closing; without the note the next start only knows less.
    } finally {
      await tally.close();
      await ledgers.close();
    }
  }
}
