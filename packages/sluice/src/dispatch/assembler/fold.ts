import { KIND_CODES } from "@sluice/sdk";
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
import type { Parking } from "./parking.ts";

/** A run whose end is not known yet: offsets and times, never bodies. */
export interface OpenRun {
  readonly runKey: number;
  readonly traceKey: number;
  startOffset?: number;
  pieceOffset?: number;
  /** Somebody will write its complete end; we only watch. "dead" is a process that cannot any more. */
  writer: "none" | "alive" | "dead";
  lastSeenMs: number;
}

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

/**
 * Runs whose end is remembered, for pieces that come after it. Older ones are found by the conflict on their
 * id.
 */
const ENDED_MAX = 65_536;

/**
 * What the log says about runs, record by record. For each run:
 *
 *   (nothing) ──start without writer──▶ open ──piece──▶ joinable ──complete end in the log──▶ ended
 *   (nothing) ──piece──▶ orphan ──start──▶ joinable
 *   (nothing) ──start with a writer──▶ watched ──complete end in the log──▶ ended
 *   open, orphan, watched ──too long without an event of the run or its trace──▶ closed by us ──▶ ended
 *   watched by an earlier boot of this data directory ──the tail is reached──▶ closed by us ──▶ ended
 *   ended ──piece──▶ a late one: revision 2 if we had closed the run, else counted and left
 *
 * What waits for its trace is none of this yet (parking.ts); its copy is.
 *
 * The start and the piece of a run that is not ended are pending in the books; everything else is settled as
 * it is read. Headers suffice for all records but starts and pieces, and for the starts of this very process,
 * which are recognised by their bytes.
 */
export class Fold {
  readonly #bootId: string;
  readonly #ownWriter: Buffer;
  readonly #books: FoldBooks;
  readonly #parking: Parking;
  readonly #open = new Map<number, OpenRun>();
  readonly #ended = new Map<number, number>();
  readonly #traces = new Map<number, { runs: number; lastSeenMs: number }>();
  readonly #joinable = new Set<OpenRun>();
  #late: Task[] = [];

  constructor(books: FoldBooks, parking: Parking, bootId: string) {
    this.#books = books;
    this.#parking = parking;
    this.#bootId = bootId;
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
    this.#touch(record, nowMs);
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
    return [...[...this.#joinable].map((run): Task => ({ name: "join", run })), ...late];
  }

  /** Runs of processes that are proved dead. */
  dead(): Task[] {
    return this.#closings("crash", (run) => run.writer === "dead");
  }

  /** Runs without an event of theirs or their trace since `beforeMs`. */
  overdue(beforeMs: number): Task[] {
    return this.#closings("timeout", (run) => {
      const traceSeenMs = this.#traces.get(run.traceKey)?.lastSeenMs ?? 0;
      return Math.max(run.lastSeenMs, traceSeenMs) <= beforeMs;
    });
  }

  /** Open runs that need a record below `before`. */
  pinning(before: number): Task[] {
    return this.#closings("evicted", (run) => (run.startOffset ?? run.pieceOffset ?? before) < before);
  }

  /** The run has its complete end at `offset`. `isUsed`: made of what we held. */
  end(run: OpenRun, offset: number, fate: "used" | "not_a_piece" | "ended"): void {
    if (this.#open.get(run.runKey) !== run) return;
    this.#open.delete(run.runKey);
    this.#joinable.delete(run);
    this.#leaveTrace(run);
    if (run.startOffset !== undefined) this.#books.settle(run.startOffset, fate);
    if (run.pieceOffset !== undefined) this.#books.settle(run.pieceOffset, fate);
    this.#remember(run.runKey, offset);
  }

  /** False if the record needs nothing more. */
  #isKept(record: SpoolRecord, nowMs: number): boolean {
    if (record.runKey === 0) return false;
    if (record.kindCode === KIND_CODES["run.started"]) return this.#start(record, nowMs);
    if (record.kindCode !== KIND_CODES["run.ended"]) return false;
    if ((record.flags & FLAG_PARTIAL) !== 0) return this.#piece(record, nowMs);
    if ((record.flags & FLAG_REVISION) !== 0) return false;
    const run = this.#open.get(record.runKey);
    const isOurs = (record.flags & (FLAG_ASSEMBLED | FLAG_UNBOUND)) === FLAG_ASSEMBLED;
    if (run) this.end(run, record.offset, isOurs ? "used" : "not_a_piece");
    else this.#remember(record.runKey, record.offset);
    return false;
  }

  #start(record: SpoolRecord, nowMs: number): boolean {
    const known = this.#open.get(record.runKey);
    if (known?.startOffset !== undefined || this.#ended.has(record.runKey)) return false;
    const run = known ?? this.#openRun(record, nowMs);
    run.startOffset = record.offset;
    run.writer = this.#writerOf(record);
    if (run.pieceOffset === undefined) return true;
    if (run.writer !== "alive") this.#joinable.add(run);
    else {
      this.#books.settle(run.pieceOffset, "not_a_piece");
      delete run.pieceOffset;
    }
    return true;
  }

  #piece(record: SpoolRecord, nowMs: number): boolean {
    const { runKey, offset } = record;
    const endOffset = this.#ended.get(runKey);
    if (endOffset !== undefined) {
      this.#late.push({ name: "revise", runKey, endOffset, pieceOffset: offset });
      return true;
    }
    const run = this.#open.get(runKey) ?? this.#openRun(record, nowMs);
    // The writer's own end says more than any piece of somebody else.
    if (run.writer === "alive") return false;
    if (run.pieceOffset !== undefined) {
      this.#books.settle(offset, "ended");
      return true;
    }
    run.pieceOffset = offset;
    if (run.startOffset !== undefined) this.#joinable.add(run);
    return true;
  }

  #openRun({ runKey, orderKey }: SpoolRecord, nowMs: number): OpenRun {
    const run: OpenRun = { runKey, traceKey: orderKey, writer: "none", lastSeenMs: nowMs };
    this.#open.set(runKey, run);
    // A run that is the root of its trace, as most are, needs no entry beside its own.
    if (orderKey === runKey) return run;
    const trace = this.#traces.get(orderKey);
    if (trace) trace.runs++;
    else this.#traces.set(orderKey, { runs: 1, lastSeenMs: nowMs });
    return run;
  }

  #writerOf(record: SpoolRecord): OpenRun["writer"] {
    const { buffer, byteOffset, byteLength } = record.body;
    if (Buffer.from(buffer, byteOffset, byteLength).includes(this.#ownWriter)) return "alive";
    try {
      const writer = record.event.run?.writer;
      if (writer === undefined) return "none";
      return isEarlierBoot(writer, this.#bootId) ? "dead" : "alive";
    } catch {
      // No event: nothing can be made of it, so that only time will close it.
      return "alive";
    }
  }

  #touch(record: SpoolRecord, nowMs: number): void {
    const run = this.#open.get(record.runKey);
    if (run) run.lastSeenMs = nowMs;
    if (record.orderKey === record.runKey) return;
    const root = this.#open.get(record.orderKey);
    if (root) root.lastSeenMs = nowMs;
    const trace = this.#traces.get(record.orderKey);
    if (trace) trace.lastSeenMs = nowMs;
  }

  #leaveTrace({ runKey, traceKey }: OpenRun): void {
    if (traceKey === runKey) return;
    const trace = this.#traces.get(traceKey);
    if (trace && --trace.runs === 0) this.#traces.delete(traceKey);
  }

  #remember(runKey: number, offset: number): void {
    this.#ended.set(runKey, offset);
    if (this.#ended.size <= ENDED_MAX) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      return;
    }
  }

  #closings(reason: string, isDue: (run: OpenRun) => boolean): Task[] {
    const tasks: Task[] = [];
    for (const run of this.#open.values()) {
      if (!this.#joinable.has(run) && isDue(run)) tasks.push({ name: "close", run, reason });
    }
    return tasks;
  }
}
