import { AssertionError } from "node:assert";
import type { Balance } from "../balance.ts";
import { OffsetSet } from "./offset-set.ts";

/**
 * What became of every event of a route, as numbers. All offsets below `low` are settled. Above it, `settled`
 * holds the ranges that are, and `waiting` the events that are not and have a time to be tried again; what
 * stands in neither is pending and will be read again after a restart. The counters stand beside the offsets
 * and are stored with them, so the balance is exact at any stored ledger: Σ counters = (low − first) +
 * settled.size.
 */
export class Ledger {
  readonly first: number;
  readonly settled = new OffsetSet();
  readonly waiting = new Map<number, Waiting>();
  readonly skipped = new Map<string, number>();
  readonly dropped = new Map<string, number>();
  low: number;
  delivered = 0;
  deadLettered = 0;

  constructor(first: number, low = first) {
    this.first = first;
    this.low = low;
  }

  /** How much of the fixed slot is used by what is not in order. */
  get exceptions(): number {
    return this.settled.ranges + this.waiting.size;
  }

  isSettled(offset: number): boolean {
    return offset < this.low || this.settled.has(offset);
  }

  /** Settles [from, to). Each offset is settled once in its life: a second time is a bug, and throws. */
  settle(from: number, to: number, outcome: Outcome): void {
    const isNew = from >= this.low && from < to && this.#mark(from, to);
    if (!isNew) throw new AssertionError({ message: `settled again: ${from}..${to}, low ${this.low}` });
    if (this.waiting.size > 0) for (let offset = from; offset < to; offset++) this.waiting.delete(offset);
    this.#count(to - from, outcome);
  }

  /** Settles what is not settled yet of [from, to); says how many events that were. */
  settleRest(from: number, to: number, outcome: Outcome): number {
    let events = 0;
    for (let at = Math.max(from, this.low); at < to; at = Math.max(at, this.low)) {
      if (this.settled.has(at)) {
        at = this.settled.endOf(at);
        continue;
      }
      const gapEnd = Math.min(to, this.settled.nextFrom(at));
      this.settle(at, gapEnd, outcome);
      events += gapEnd - at;
      at = gapEnd;
    }
    return events;
  }

  /** Remembers when an event is to be tried again. */
  wait(offset: number, waiting: Waiting): void {
    if (!this.isSettled(offset)) this.waiting.set(offset, waiting);
  }

  balance(nextOffset: number): Balance {
    const next = Math.max(nextOffset, this.low);
    return {
      accepted: next - this.first,
      pending: next - this.low - this.settled.size,
      delivered: this.delivered,
      skipped: Object.fromEntries(this.skipped),
      deadLettered: this.deadLettered,
      dropped: Object.fromEntries(this.dropped),
    };
  }

  #mark(from: number, to: number): boolean {
    if (from > this.low) return this.settled.add(from, to);
    if (this.settled.nextFrom(from) < to) return false;
    this.low = this.settled.takeFrom(to);
    return true;
  }

  #count(events: number, outcome: Outcome): void {
    switch (outcome.status) {
      case "delivered":
        this.delivered += events;
        return;
      case "deadLettered":
        this.deadLettered += events;
        return;
      case "skipped":
        add(this.skipped, outcome.reason, events);
        return;
      case "dropped":
        add(this.dropped, outcome.reason, events);
        return;
    }
  }
}

/** How an event ends for a route. */
export type Outcome =
  | { readonly status: "delivered" }
  | { readonly status: "skipped"; readonly reason: string }
  | { readonly status: "deadLettered" }
  | { readonly status: "dropped"; readonly reason: string };

export interface Waiting {
  /** Series that failed. */
  readonly attempt: number;
  /** Wall clock. Clamped when it is read back, because clocks jump. */
  readonly nextTryMs: number;
}

/**
 * Different reasons that are counted apart, each way. A sink that makes up reasons must not outgrow the
 * ledger's slot.
 */
export const REASONS_MAX = 32;
/** UTF-8 bytes of a counted reason. */
export const REASON_BYTES_MAX = 48;
const REASON_OVERFLOW = "other";

function add(counts: Map<string, number>, reason: string, events: number): void {
  const short = shorten(reason);
  const isKnown = counts.has(short) || counts.size < REASONS_MAX - 1;
  const name = isKnown ? short : REASON_OVERFLOW;
  counts.set(name, (counts.get(name) ?? 0) + events);
}

/** Most reasons are short words; a long one is cut between characters. */
function shorten(reason: string): string {
  if (reason.length * 3 <= REASON_BYTES_MAX) return reason;
  const bytes = Buffer.from(reason.toWellFormed());
  if (bytes.length <= REASON_BYTES_MAX) return reason;
  const text = bytes.subarray(0, REASON_BYTES_MAX).toString();
  return text.replace(/�+$/, "");
}
