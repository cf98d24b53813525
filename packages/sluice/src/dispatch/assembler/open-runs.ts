import { NOT_FOUND, PackedTable } from "./packed-table.ts";

/** A run whose end is not known yet, as it stands now: offsets, never bodies. */
export interface OpenRun {
  readonly runKey: number;
  readonly startOffset: number | undefined;
  readonly pieceOffset: number | undefined;
}

/** Somebody will write its complete end; we only watch. "dead" is a process that cannot any more. */
export type Writer = "none" | "alive" | "dead";

/**
 * All open runs, in 28 bytes each and 8 at the most of an index. A trace that is not named as its root needs
 * 16 more, and an index again: 60 for a run that is the only one of it.
 */
export class OpenRuns {
  readonly #runs = new PackedTable(RUN_WORDS);
  readonly #traces = new PackedTable(TRACE_WORDS);

  get size(): number {
    return this.#runs.size;
  }

  /** The entry of a run, or NOT_FOUND. Good until the run is removed. */
  find(runKey: number): number {
    return this.#runs.find(runKey);
  }

  add(runKey: number, traceKey: number, nowMs: number): number {
    const entry = this.#runs.add(runKey);
    this.#setOffset(entry, START, undefined);
    this.#setOffset(entry, PIECE, undefined);
    this.#runs.set(entry, RUN_SEEN, ticksOf(nowMs));
    if (traceKey !== runKey) this.#runs.set(entry, TRACE, this.#joinTrace(traceKey, nowMs) + 1);
    return entry;
  }

  remove(entry: number): void {
    const trace = this.#runs.get(entry, TRACE) - 1;
    this.#runs.remove(entry);
    if (trace < 0) return;
    const left = this.#traces.get(trace, RUNS) - 1;
    if (left === 0) this.#traces.remove(trace);
    else this.#traces.set(trace, RUNS, left);
  }

  /** The run, its trace and the run at the root of it have shown signs of life. */
  touch(runKey: number, traceKey: number, nowMs: number): void {
    if (this.#runs.size === 0) return;
    const ticks = ticksOf(nowMs);
    const run = runKey === 0 ? NOT_FOUND : this.#runs.find(runKey);
    if (run !== NOT_FOUND) this.#runs.set(run, RUN_SEEN, ticks);
    if (traceKey === runKey || traceKey === 0) return;
    const root = this.#runs.find(traceKey);
    if (root !== NOT_FOUND) this.#runs.set(root, RUN_SEEN, ticks);
    const trace = this.#traces.find(traceKey);
    if (trace !== NOT_FOUND) this.#traces.set(trace, TRACE_SEEN, ticks);
  }

  /** When the run or its trace was last seen, by a quarter of a second too late. */
  lastSeenMs(entry: number): number {
    const trace = this.#runs.get(entry, TRACE) - 1;
    const traceTicks = trace < 0 ? 0 : this.#traces.get(trace, TRACE_SEEN);
    return Math.max(this.#runs.get(entry, RUN_SEEN), traceTicks) * TICK_MS;
  }

  at(entry: number): OpenRun {
    const runKey = this.#runs.keyOf(entry);
    return { runKey, startOffset: this.startOffset(entry), pieceOffset: this.pieceOffset(entry) };
  }

  startOffset(entry: number): number | undefined {
    return this.#offset(entry, START);
  }

  pieceOffset(entry: number): number | undefined {
    return this.#offset(entry, PIECE);
  }

  setStart(entry: number, offset: number, writer: Writer): void {
    this.#setOffset(entry, START, offset);
    this.#runs.setTag(entry, WRITERS.indexOf(writer));
  }

  setPiece(entry: number, offset: number | undefined): void {
    this.#setOffset(entry, PIECE, offset);
  }

  writer(entry: number): Writer {
    return WRITERS[this.#runs.tagOf(entry)] ?? "none";
  }

  /** Runs may be removed meanwhile. */
  *entries(): Generator<number> {
    for (let entry = 0; entry < this.#runs.end; entry++) if (this.#runs.isInUse(entry)) yield entry;
  }

  #joinTrace(traceKey: number, nowMs: number): number {
    const known = this.#traces.find(traceKey);
    const trace = known === NOT_FOUND ? this.#traces.add(traceKey) : known;
    this.#traces.set(trace, RUNS, this.#traces.get(trace, RUNS) + 1);
    if (known === NOT_FOUND) this.#traces.set(trace, TRACE_SEEN, ticksOf(nowMs));
    return trace;
  }

  /** The low halves of both offsets have a word each, the high ones share one. */
  #offset(entry: number, which: typeof START | typeof PIECE): number | undefined {
    const shift = which === START ? 0 : 16;
    const high = (this.#runs.get(entry, HIGHS) >>> shift) & HIGH_MAX;
    const low = this.#runs.get(entry, which);
    return high === HIGH_MAX && low === LOW_MAX ? undefined : high * 0x1_0000_0000 + low;
  }

  #setOffset(entry: number, which: typeof START | typeof PIECE, offset = NO_OFFSET): void {
    const shift = which === START ? 0 : 16;
    const others = this.#runs.get(entry, HIGHS) & ~(HIGH_MAX << shift);
    this.#runs.set(entry, HIGHS, (others | (Math.floor(offset / 0x1_0000_0000) << shift)) >>> 0);
    this.#runs.set(entry, which, offset >>> 0);
  }
}

const WRITERS: readonly Writer[] = ["none", "alive", "dead"];

/** Words of an entry behind the key. Of a trace its number + 1 is kept; 0: the run is its root. */
const TRACE = 2;
const START = 3;
const PIECE = 4;
const HIGHS = 5;
const RUN_SEEN = 6;
const RUN_WORDS = 7;

const RUNS = 2;
const TRACE_SEEN = 3;
const TRACE_WORDS = 4;

const HIGH_MAX = 0xffff;
const LOW_MAX = 0xffff_ffff;
/** A log of a million records a second gets there after nine years. */
const NO_OFFSET = 2 ** 48 - 1;

/** 32 bits of it are 34,000 years. */
const TICK_MS = 256;

function ticksOf(ms: number): number {
  return Math.ceil(ms / TICK_MS);
}
