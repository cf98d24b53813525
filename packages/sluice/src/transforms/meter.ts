import type { Usage } from "@sluice/sdk";
import type { Clock } from "@sluice/sdk/internal";
import { costOf } from "../cost/cost.ts";
import type { PriceOverride } from "../cost/override.ts";
import type { NewRecord } from "../spool/spool.ts";
import { Counter, type NotCounted } from "../tokens/counter.ts";
import { withRunMembers } from "./splice.ts";

/** What a configuration says of tokens and prices. */
export interface Metering {
  /** Before the published ones. */
  readonly prices: readonly PriceOverride[];
  /** Are the tokens counted of runs whose provider gives none? */
  readonly isCounting: boolean;
}

/** What came of one run that called a model. */
export interface Metered {
  /** Whose figures its usage has, or why it has none. */
  readonly usage: Usage["source"] | NotCounted | "off";
  /** Whose prices its cost has; `none`: something that it takes is not known. */
  readonly prices: "table" | "override" | "sender" | "none";
}

export interface MeterOptions {
  readonly clock: Clock;
  /** Undefined: nothing is added. */
  readonly metering: Metering | undefined;
  readonly onMetered?: (metered: Metered) => void;
  /** Is an event with this id stored? What is sent again need not be counted again. */
  readonly isStored?: (id: string) => boolean;
  readonly counter?: Counter;
}

/** After so many records other work gets its turn: a price takes 10 µs. */
const RECORDS_PER_TURN = 256;
/** What is appended together is acknowledged together. What is not counted by then is not counted. */
const COUNTING_MS_MAX = 2_000;

/**
 * Adds to complete ends what their senders could not know: the usage, counted where the provider gave none,
 * and the cost. It stands in the event before that is appended, so every sink and every replay has the same.
 *
 * What came is kept byte for byte and goes on deciding what is a duplicate; the additions are put into the
 * run. What the sender says wins, and whatever goes wrong in here costs the additions and never the event.
 */
export class Meter {
  readonly #options: MeterOptions;
  readonly #counter: Counter;
  #metering: Metering | undefined;

  constructor(options: MeterOptions) {
    this.#options = options;
    this.#metering = options.metering;
    this.#counter = options.counter ?? new Counter(options);
  }

  /** For what comes from now on. */
  apply(metering: Metering): void {
    this.#metering = metering;
  }

  /**
   * The records in their order, at once where none has to wait. Never rejects. A record is metered once: what
   * was given back passes unchanged.
   */
  add(records: readonly NewRecord[], signal?: AbortSignal): MaybePromise<readonly NewRecord[]> {
    if (this.#metering === undefined) return records;
    const isShort = records.length <= RECORDS_PER_TURN;
    if (isShort && !records.some((record) => this.#mustCount(record))) {
      return records.some(({ end }) => end !== undefined)
        ? records.map((record) => this.#priced(record))
        : records;
    }
    return this.#addSlowly(records, signal);
  }

  /** Everybody who waits gets their records as they are by now. */
  close(): Promise<void> {
    return this.#counter.close();
  }

  async #addSlowly(
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
  ): Promise<readonly NewRecord[]> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + COUNTING_MS_MAX;
    const metered: NewRecord[] = [];
    for (const record of records) {
      if (!this.#mustCount(record)) metered.push(this.#priced(record));
      else if (this.#options.isStored?.(record.id)) metered.push(record);
      else if (signal?.aborted || clock.monotonicMs() >= untilMs) metered.push(this.#priced(record, "slow"));
      else {
        const count = await this.#counter.count(record.body);
        metered.push(this.#priced(record, count.status === "counted" ? count.usage : count.reason));
      }
      if (metered.length % RECORDS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return metered;
  }

  #mustCount({ end }: NewRecord): boolean {
    return end !== undefined && end.usage === undefined && this.#metering?.isCounting === true;
  }

  /** `count` is of a run without a usage: it, or why there is none. */
  #priced(record: NewRecord, count: Usage | NotCounted | "off" = "off"): NewRecord {
    const { end, ...bare } = record;
    if (end === undefined) return record;
    try {
      const counted = typeof count === "object" ? count : undefined;
      const run = counted === undefined ? end : { ...end, usage: counted };
      const cost = run.cost === undefined ? costOf(run, this.#metering?.prices) : undefined;
      const members =
        (counted === undefined ? "" : `"usage":${JSON.stringify(counted)},`) +
        (cost === undefined ? "" : `"cost":${JSON.stringify(cost)},`);
      const body = members === "" ? bare.body : withRunMembers(bare.body, members);
      this.#options.onMetered?.({
        usage: run.usage?.source ?? (typeof count === "object" ? count.source : count),
        prices: run.cost === undefined ? (cost?.prices ?? "none") : "sender",
      });
      return { ...bare, body };
    } catch {
      // A bug of ours. The event is worth more than what it cost.
      this.#options.onMetered?.({ usage: "failed", prices: "none" });
      return bare;
    }
  }
}

type MaybePromise<Value> = Value | Promise<Value>;
