import { KIND_CODES } from "@sluice/sdk";
import { endId } from "@sluice/sdk/internal";
import {
  FLAG_ASSEMBLED,
  FLAG_PARTIAL,
  FLAG_REVISION,
  FLAG_SET_ASIDE,
  FLAG_UNBOUND,
  type SpoolRecord,
} from "../../spool/spool.ts";
import { isEarlierBoot } from "./boot.ts";
import type { FoldBooks } from "./fold-books.ts";
import { type OpenRun, OpenRuns, type Writer } from "./open-runs.ts";
import { NOT_FOUND } from "./packed-table.ts";
import type { Parking } from "./parking.ts";

/** Something to be appended. */
export type Task =
  | { readonly name: "join"; readonly run: OpenRun }
  | { readonly name: "close"; readonly run: OpenRun; readonly reason: string }
  | {
      readonly name: "revise";
      readonly runKey: number;
      readonly endOffset: number;
      readonly pieceOffset: number;
    };

/** Runs whose end is remembered, for pieces that come after it. Older ones are found by the id of their end. */
const ENDED_MAX = 65_536;
/** As many as are built and appended together. */
const CLOSINGS_MAX = 1_024;

interface FoldOptions {
  readonly books: FoldBooks;
  readonly parking: Parking;
  readonly bootId: string;
  /** Where the record with an id lies, if the spool knows (`Layout.offsetOf`). */
  readonly offsetOf: (id: string) => number | undefined;
}

/**
 * What the log says about runs, record by record. For each run:
 *
 *   (nothing) ──start without writer──▶ open ──piece──▶ joinable ──complete end in the log──▶ ended
 *   (nothing) ──piece──▶ orphan ──start──▶ joinable
 *   (nothing) ──start with a writer──▶ watched ──complete end in the log──▶ ended
 *   open, orphan, watched ──too long without an event of the run or its trace──▶ closed by us ──▶ ended
 *   watched by an earlier boot of this data directory ──the tail is reached──▶ closed by us ──▶ ended
 *   ended ──piece──▶ a late one: revision 2 if we had closed the run, else counted and left
 *   (nothing) ──start or piece, and the spool knows an end before it──▶ ended, as if it were remembered
 *
 * What waits for its trace is none of this yet (parking.ts); its copy is.
 *
 * The start and the piece of a run that is not ended are pending in the books; everything else is settled as
 * it is read. Headers suffice for all records but starts and pieces, and for the starts of this very process,
 * which are recognised by their bytes.
 */
export class Fold {
  readonly #bootId: string;
  readonly #offsetOf: (id: string) => number | undefined;
  readonly #ownWriter: Buffer;
  readonly #books: FoldBooks;
  readonly #parking: Parking;
  readonly #open = new OpenRuns();
  readonly #ended = new Map<number, number>();
  /** By run key. */
  readonly #joinable = new Set<number>();
  #late: Task[] = [];

  constructor({ books, parking, bootId, offsetOf }: FoldOptions) {
    this.#books = books;
    this.#parking = parking;
    this.#bootId = bootId;
    this.#offsetOf = offsetOf;
    // Inside a JSON string these quotes would be escaped, so the bytes can only be a member of that name.
    this.#ownWriter = Buffer.from(`"writer":${JSON.stringify(bootId)}`);
  }

  get openRuns(): number {
    return this.#open.size;
  }

  take(record: SpoolRecord, nowMs: number): void {
    while (this.#books.next < record.offset) this.#books.push("damaged");
    if ((record.flags & FLAG_SET_ASIDE) !== 0) {
      this.#books.push("quarantined");
      return;
    }
    this.#books.push("pending");
    this.#open.touch(record.runKey, record.orderKey, nowMs);
    if (this.#parking.take(record, nowMs) || this.#isKept(record, nowMs)) return;
    this.#books.settle(record.offset, "not_a_piece");
  }

  /**
   * Everything that is to be appended now. Joins are there until they are `ended`; late pieces are handed out
   * once.
   */
  tasks(): Task[] {
    const late = this.#late;
    this.#late = [];
    const runs = [...this.#joinable].map((runKey) => this.#open.at(this.#open.find(runKey)));
    return [...runs.map((run): Task => ({ name: "join", run })), ...late];
  }

  /** Runs of processes that are proved dead. */
  dead(): Iterable<readonly Task[]> {
    return this.#closings("crash", (entry) => this.#open.writer(entry) === "dead");
  }

  /** Runs without an event of theirs or their trace since `beforeMs`. */
  overdue(beforeMs: number): Iterable<readonly Task[]> {
    return this.#closings("timeout", (entry) => this.#open.lastSeenMs(entry) <= beforeMs);
  }

  /** Open runs that need a record below `before`. */
  pinning(before: number): Iterable<readonly Task[]> {
    return this.#closings("evicted", (entry) => {
      const needed = this.#open.startOffset(entry) ?? this.#open.pieceOffset(entry);
      return needed !== undefined && needed < before;
    });
  }

  /** The run has its complete end at `offset`. `isUsed`: made of what we held. */
  end(run: OpenRun, offset: number, fate: "used" | "not_a_piece" | "ended"): void {
    const entry = this.#open.find(run.runKey);
    if (entry === NOT_FOUND) return;
    const { startOffset, pieceOffset } = this.#open.at(entry);
    if (startOffset !== run.startOffset || pieceOffset !== run.pieceOffset) return;
    this.#open.remove(entry);
    this.#joinable.delete(run.runKey);
    if (startOffset !== undefined) this.#books.settle(startOffset, fate);
    if (pieceOffset !== undefined) this.#books.settle(pieceOffset, fate);
    this.#remember(run.runKey, offset);
  }

  /** False if the record needs nothing more. */
  #isKept(record: SpoolRecord, nowMs: number): boolean {
    if (record.runKey === 0) return false;
    if (record.kindCode === KIND_CODES["run.started"]) return this.#start(record, nowMs);
    if (record.kindCode !== KIND_CODES["run.ended"]) return false;
    if ((record.flags & FLAG_PARTIAL) !== 0) return this.#piece(record, nowMs);
    if ((record.flags & FLAG_REVISION) !== 0) return false;
    const entry = this.#open.find(record.runKey);
    const isOurs = (record.flags & (FLAG_ASSEMBLED | FLAG_UNBOUND)) === FLAG_ASSEMBLED;
    if (entry === NOT_FOUND) this.#remember(record.runKey, record.offset);
    else this.end(this.#open.at(entry), record.offset, isOurs ? "used" : "not_a_piece");
    return false;
  }

  #start(record: SpoolRecord, nowMs: number): boolean {
    const { runKey, orderKey, offset } = record;
    const open = this.#open;
    const known = open.find(runKey);
    const isStarted = known !== NOT_FOUND && open.startOffset(known) !== undefined;
    if (isStarted || this.#ended.has(runKey)) return false;
    const isOwn = this.#isOwn(record);
    // This very process writes no end before its start.
    if (known === NOT_FOUND && !isOwn && this.#endBefore(record) !== undefined) return false;
    const entry = known === NOT_FOUND ? open.add(runKey, orderKey, nowMs) : known;
    const writer = isOwn ? "alive" : this.#writerOf(record);
    open.setStart(entry, offset, writer);
    const pieceOffset = open.pieceOffset(entry);
    if (pieceOffset === undefined) return true;
    if (writer !== "alive") this.#joinable.add(runKey);
    else {
      this.#books.settle(pieceOffset, "not_a_piece");
      open.setPiece(entry, undefined);
    }
    return true;
  }

  #piece(record: SpoolRecord, nowMs: number): boolean {
    const { runKey, orderKey, offset } = record;
    const open = this.#open;
    const known = open.find(runKey);
    const endOffset = this.#ended.get(runKey) ?? (known === NOT_FOUND ? this.#endBefore(record) : undefined);
    if (endOffset !== undefined) {
      this.#late.push({ name: "revise", runKey, endOffset, pieceOffset: offset });
      return true;
    }
    const entry = known === NOT_FOUND ? open.add(runKey, orderKey, nowMs) : known;
    // The writer's own end says more than any piece of somebody else.
    if (open.writer(entry) === "alive") return false;
    if (open.pieceOffset(entry) !== undefined) {
      this.#books.settle(offset, "ended");
      return true;
    }
    open.setPiece(entry, offset);
    if (open.startOffset(entry) !== undefined) this.#joinable.add(runKey);
    return true;
  }

  /**
   * The end of a run of which nothing is known here, if it stands before this start or piece: an end that was
   * forgotten, or lies below the ledger, where a process that starts again does not read.
   */
  #endBefore(record: SpoolRecord): number | undefined {
    try {
      const { runId } = record.event;
      const endOffset = runId === undefined ? undefined : this.#offsetOf(endId(runId));
      return endOffset !== undefined && endOffset < record.offset ? endOffset : undefined;
    } catch {
      return undefined; // No event: nothing can be made of it, early or late.
    }
  }

  #isOwn({ body: { buffer, byteOffset, byteLength } }: SpoolRecord): boolean {
    return Buffer.from(buffer, byteOffset, byteLength).includes(this.#ownWriter);
  }

  #writerOf(record: SpoolRecord): Writer {
    try {
      const writer = record.event.run?.writer;
      if (writer === undefined) return "none";
      return isEarlierBoot(writer, this.#bootId) ? "dead" : "alive";
    } catch {
      // No event: nothing can be made of it, so that only time will close it.
      return "alive";
    }
  }

  #remember(runKey: number, offset: number): void {
    this.#ended.set(runKey, offset);
    if (this.#ended.size <= ENDED_MAX) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      return;
    }
  }

  /** A part at a time: after a crash there may be a million. What was handed out may be ended meanwhile. */
  *#closings(reason: string, isDue: (entry: number) => boolean): Generator<readonly Task[]> {
    let tasks: Task[] = [];
    for (const entry of this.#open.entries()) {
      if (!isDue(entry)) continue;
      const run = this.#open.at(entry);
      if (!this.#joinable.has(run.runKey)) tasks.push({ name: "close", run, reason });
      if (tasks.length < CLOSINGS_MAX) continue;
      yield tasks;
      tasks = [];
    }
    if (tasks.length > 0) yield tasks;
  }
}
