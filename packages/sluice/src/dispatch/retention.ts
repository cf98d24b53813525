import { type Clock, sleep, type Timer } from "@sluice/sdk/internal";
import type { Spool } from "../spool/spool.ts";
import type { BacklogLimit } from "./backlog.ts";

/** A route, as far as retention cares: what it still needs, and a way to make its account durable first. */
export interface Retained {
  /** Everything below is settled, in a ledger that survives a power cut. */
  readonly lowOffset: number;
  /** Makes the ledger durable, so that `lowOffset` is the newest there is. */
  sync(): Promise<boolean>;
}

/**
 * For whom a full spool keeps the most, as a part of the sentence that refuses: a sink, or where all of them
 * have settled everything, runs whose end is not there yet. `openBytes` is what these keep.
 */
export function holderOf(
  sinks: readonly { readonly sink: string; readonly lag: number }[],
  openBytes: number,
): string | undefined {
  const [slowest] = sinks.toSorted((a, b) => b.lag - a.lag);
  if (slowest && slowest.lag > 0) return `the sink "${slowest.sink}" has yet to take ${slowest.lag} records`;
  return openBytes > 0 ? `runs whose end is not stored yet keep ${openBytes} bytes of it` : undefined;
}

export interface RetentionOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly clock: Clock;
  /** How long settled records stay for replay, while there is room. */
  readonly keepForMs: number;
  /** Every sink's route, detached ones too. */
  readonly sinks: () => readonly (Retained & { readonly limit: BacklogLimit })[];
  readonly assembler: Retained & { evict(before: number): void };
  /** Drops what sinks that allow it have not settled below an offset. */
  dropOldest(before: number): void;
}

export interface Retention {
  /** Looks now. Never rejects: what cannot be removed today is removed later. */
  sweep(): Promise<void>;
  /** Something was appended. Looks now if that has made space tight. */
  grown(): void;
  /**
   * Makes room for `bytes` that were refused, whatever that costs the sinks that drop. True if the record at
   * `firstOffset` is gone: then it is worth another try. Never rejects, and gives up within a second.
   */
  relieve(firstOffset: number, bytes: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Space comes back in whole segments, so looking more often finds nothing new. */
const SWEEP_EVERY_MS = 10_000;

/** Above this share of the limit, being able to replay, and runs that may never end, are worth less. */
const TIGHT_SHARE = 0.8;
/** While space is tight: looks again when this share of the limit has come on top. */
const GROWN_SHARE = 1 / 64;

/** One mark a minute gives a day in 1,440 marks; a record's age is known to the minute, rounded up. */
const MARK_EVERY_MS = 60_000;

/** A source does not wait longer than this to hear that there is no room. */
const RELIEF_MS_MAX = 1_000;
/** Where nothing could be had, nothing is looked for this long, however many ask. */
const RELIEF_PAUSE_MS = 200;

/**
 * Gives space back. In this order: what is settled and older than `keepForMs`; when space is tight, as much
 * as needed of what is settled, oldest first; then what the oldest open runs pin, which the assembler closes;
 * and when an append was refused, what sinks have not got that drop their oldest. Nothing else is ever given
 * up: then the spool refuses.
 *
 * A record is removed only after every route's ledger that says so is durable, or a crash would count its
 * removal twice or never. Nothing is closed or dropped that another sink needs all the same.
 *
 * Ages are kept by the monotonic clock, as (time, next offset) marks; a restart starts counting anew, which
 * keeps records longer, never shorter.
 */
export function openRetention(options: RetentionOptions): Retention {
  return new SpoolRetention(options);
}

class SpoolRetention implements Retention {
  readonly #options: RetentionOptions;
  readonly #marks: { readonly atMs: number; readonly offset: number }[] = [];
  #timer: Timer;
  /** One thing at a time. */
  #working: Promise<unknown> = Promise.resolve();
  #sweeping: Promise<void> | undefined;
  #sweptAtBytes = 0;
  #relievesFromMs = Number.NEGATIVE_INFINITY;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#timer = this.#arm();
    this.#mark();
  }

  sweep(): Promise<void> {
    this.#sweeping ??= this.#inTurn(() => this.#sweep()).finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  grown(): void {
    const { bytes, maxBytes } = this.#options.spool.state;
    if (bytes < maxBytes * TIGHT_SHARE || bytes < this.#sweptAtBytes + maxBytes * GROWN_SHARE) return;
    void this.sweep();
  }

  async relieve(firstOffset: number, bytes: number): Promise<boolean> {
    const { spool, partition, clock } = this.#options;
    const isRelieved = () => spool.state.firstOffset > firstOffset;
    if (clock.monotonicMs() < this.#relievesFromMs) return isRelieved();
    const working = this.#inTurn(async () => {
      if (!isRelieved()) await this.#free(spool.layout.offsetToFree(partition, bytes), true);
    });
    const patience = new AbortController();
    await Promise.race([working, sleep(clock, RELIEF_MS_MAX, patience.signal)]);
    patience.abort();
    if (!isRelieved()) this.#relievesFromMs = clock.monotonicMs() + RELIEF_PAUSE_MS;
    return isRelieved();
  }

  async close(): Promise<void> {
    this.#timer.cancel();
    await this.#working;
  }

  /** A ledger or a segment that cannot be written or removed now is tried again at the next sweep. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#working.then(work).catch(() => undefined);
    this.#working = done;
    return done;
  }

  async #sweep(): Promise<void> {
    const { spool, partition } = this.#options;
    this.#mark();
    const aged = this.#agedOffset();
    if (aged > spool.state.firstOffset) await this.#trim(aged);
    const { bytes, maxBytes } = spool.state;
    const excessBytes = bytes - maxBytes * TIGHT_SHARE;
    if (excessBytes > 0) await this.#free(spool.layout.offsetToFree(partition, excessBytes), false);
    this.#sweptAtBytes = spool.state.bytes;
  }

  /** Makes everything below `wanted` removable, as far as it may be, and removes it. */
  async #free(wanted: number, mayDrop: boolean): Promise<void> {
    const { spool, sinks, assembler, dropOldest } = this.#options;
    if (wanted <= spool.state.firstOffset) return;
    await this.#trim(wanted);
    const blocking = sinks().filter(({ limit }) => limit.whenFull === "block");
    const floor = lowest(wanted, blocking);
    if (floor <= spool.state.firstOffset) return;
    if (assembler.lowOffset < floor) assembler.evict(floor);
    if (!mayDrop) return;
    dropOldest(lowest(floor, [assembler]));
    await this.#trim(floor);
  }

  async #trim(wanted: number): Promise<void> {
    const { spool, partition, sinks, assembler } = this.#options;
    const routes = [...sinks(), assembler];
    await Promise.all(routes.map((route) => route.sync()));
    const before = lowest(wanted, routes);
    if (before > spool.state.firstOffset) await spool.trim(partition, before);
  }

  #mark(): void {
    const atMs = this.#options.clock.monotonicMs();
    const newest = this.#marks.at(-1);
    if (newest && atMs - newest.atMs < MARK_EVERY_MS) return;
    this.#marks.push({ atMs, offset: this.#options.spool.state.nextOffset });
  }

  /** Everything below was appended more than `keepForMs` ago. */
  #agedOffset(): number {
    const bornMs = this.#options.clock.monotonicMs() - this.#options.keepForMs;
    while (this.#marks[1] && this.#marks[1].atMs <= bornMs) this.#marks.shift();
    const oldest = this.#marks[0];
    return oldest && oldest.atMs <= bornMs ? oldest.offset : 0;
  }

  #arm(): Timer {
    return this.#options.clock.after(SWEEP_EVERY_MS, () => {
      this.#timer = this.#arm();
      void this.sweep();
    });
  }
}

function lowest(offset: number, routes: readonly Retained[]): number {
  return Math.min(offset, ...routes.map(({ lowOffset }) => lowOffset));
}
