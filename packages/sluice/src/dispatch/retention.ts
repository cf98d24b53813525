import type { Clock, Timer } from "@sluice/sdk/internal";
import type { Spool } from "../spool/spool.ts";

/** A route, as far as retention cares: what it still needs, and a way to make its account durable first. */
export interface Retained {
  /** Everything below is settled, in a ledger that survives a power cut. */
  readonly lowOffset: number;
  /** Makes the ledger durable, so that `lowOffset` is the newest there is. */
  sync(): Promise<boolean>;
}

/**
 * For whom a full spool keeps the most, as a part of the sentence that refuses; undefined if every sink has
 * settled everything.
 */
export function holderOf(
  sinks: readonly { readonly sink: string; readonly lag: number }[],
): string | undefined {
  const [slowest] = sinks.toSorted((a, b) => b.lag - a.lag);
  if (!slowest || slowest.lag === 0) return undefined;
  return `the sink "${slowest.sink}" has yet to take ${slowest.lag} records`;
}

export interface RetentionOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly clock: Clock;
  /** How long settled records stay for replay, while there is room. */
  readonly keepForMs: number;
  /** Every route that reads the partition, detached ones and the assembler too. */
  readonly routes: () => readonly Retained[];
}

export interface Retention {
  /** Looks now. Never rejects: what cannot be removed today is removed later. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

/** Space comes back in whole segments, so looking more often finds nothing new. */
const SWEEP_EVERY_MS = 10_000;

/**
 * Above this share of the limit, settled records go at once: being able to replay is worth less than taking
 * new events.
 */
const TIGHT_SHARE = 0.8;

/** One mark a minute gives a day in 1,440 marks; a record's age is known to the minute, rounded up. */
const MARK_EVERY_MS = 60_000;

/**
 * Gives space back: settled and older than `keepForMs` first, anything settled when space is tight. A record
 * is removed only after every route's ledger that says so is durable, or a crash would count its removal
 * twice or never.
 *
 * Ages are kept by the monotonic clock, as (time, next offset) marks; a restart starts counting anew, which
 * keeps records longer, never shorter.
 */
export function openRetention(options: RetentionOptions): Retention {
  const { spool, partition, clock, keepForMs, routes } = options;
  const marks: { readonly atMs: number; readonly offset: number }[] = [];
  let sweeping: Promise<void> | undefined;
  let timer: Timer;

  const mark = (): void => {
    const atMs = clock.monotonicMs();
    const newest = marks.at(-1);
    if (newest && atMs - newest.atMs < MARK_EVERY_MS) return;
    marks.push({ atMs, offset: spool.state.nextOffset });
  };

  /** Everything below was appended more than `keepForMs` ago. */
  const agedOffset = (): number => {
    const bornMs = clock.monotonicMs() - keepForMs;
    while (marks[1] && marks[1].atMs <= bornMs) marks.shift();
    const oldest = marks[0];
    return oldest && oldest.atMs <= bornMs ? oldest.offset : 0;
  };

  const trimSettled = async (): Promise<void> => {
    mark();
    const isTight = spool.state.bytes > spool.state.maxBytes * TIGHT_SHARE;
    const wanted = isTight ? spool.state.nextOffset : agedOffset();
    if (wanted <= spool.state.firstOffset) return;
    await Promise.all(routes().map((route) => route.sync()));
    const before = Math.min(wanted, ...routes().map((route) => route.lowOffset));
    if (before > spool.state.firstOffset) await spool.trim(partition, before);
  };

  const sweep = (): Promise<void> => {
    sweeping ??= trimSettled()
      // A ledger or a segment that cannot be written or removed now is tried again at the next sweep.
      .catch(() => undefined)
      .finally(() => {
        sweeping = undefined;
      });
    return sweeping;
  };

  const arm = (): Timer =>
    clock.after(SWEEP_EVERY_MS, () => {
      timer = arm();
      void sweep();
    });
  timer = arm();
  mark();

  return {
    sweep,
    async close() {
      timer.cancel();
      await sweeping;
    },
  };
}
