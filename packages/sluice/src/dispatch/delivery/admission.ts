import type { Event } from "@sluice/sdk";
import type { Clock } from "@sluice/sdk/internal";
import type { SinkDefinition } from "../../sinks/define.ts";
import type { ReadLimit, SpoolRecord } from "../../spool/spool.ts";
import type { DeadLetters } from "../dead-letters/dead-letters.ts";
import type { Figures } from "../figures.ts";
import { skipReason } from "../filter.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Lanes } from "./lanes.ts";
import { PendingEvent } from "./pending-event.ts";

export interface AdmissionOptions {
  readonly definition: Pick<SinkDefinition, "limits" | "order" | "inFlight" | "skips">;
  readonly filter: ((event: Event) => boolean) | undefined;
  readonly figures: Figures;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly deadLetters: DeadLetters;
  readonly lanes: Lanes;
}

/** Which records a route takes into memory, and how many at a time. */
export class Admission {
  readonly #options: AdmissionOptions;
  #heldBytes = 0;
  #unsettled = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Puts a record in its lane, or settles it at once if it is not for this sink or was buried before a crash.
   */
  accept(record: SpoolRecord): void {
    const { definition, filter, deadLetters, ledger } = this.#options;
    const { offset } = record;
    const reason = skipReason(record, definition.skips, filter);
    const known = deadLetters.countFor(offset);
    if (reason !== undefined) ledger.settle(offset, offset + 1, { status: "skipped", reason });
    else if (known === undefined) this.#hold(record);
    else ledger.settle(offset, offset + 1, { status: known === 1 ? "deadLettered" : "delivered" });
  }

  /** An event is settled. */
  release(item: PendingEvent): void {
    this.#heldBytes -= item.raw.length;
    this.#unsettled--;
  }

  /**
   * How much to read now; undefined if memory or the ledger is full. What is on its way and the next batches
   * are counted against the read-ahead, what waits against the ledger's exceptions: it must not keep others
   * from passing.
   */
  limit(isIdle: boolean): ReadLimit | undefined {
    const { definition, figures, ledger, lanes } = this.#options;
    const { limits, inFlight } = definition;
    const standing = lanes.waiting + lanes.parked;
    const records = Math.min(
      limits.events * (inFlight + 1) - (this.#unsettled - standing),
      figures.exceptionsMax - ledger.exceptions - this.#unsettled,
    );
    const bytes = Math.max(figures.readAheadBytes, limits.bytes) - this.#heldBytes;
    if (records <= 0) return undefined;
    if (bytes > 0) return { records, bytes };
    // If memory is full of what waits, one event at a time still passes; else two large poisoned ones would
    // block all others.
    return isIdle ? { records: 1, bytes: 1 } : undefined;
  }

  #hold(record: SpoolRecord): void {
    const { definition, figures, clock, ledger, lanes } = this.#options;
    const item = new PendingEvent(record, keyOf(record, definition.order), clock.monotonicMs());
    this.#heldBytes += record.body.length;
    this.#unsettled++;
    const waiting = ledger.waiting.get(record.offset);
    if (!waiting) {
      lanes.offer(item);
      return;
    }
    item.waits = waiting.attempt;
    // Clocks jump while a process is down: a stored time is never believed for longer than a wait can be.
    const leftMs = Math.min(Math.max(0, waiting.nextTryMs - clock.nowMs()), figures.retryAfterMsMax);
    lanes.offerWaiting(item, clock.monotonicMs() + leftMs);
  }
}

function keyOf(record: SpoolRecord, order: SinkDefinition["order"]): number {
  switch (order) {
    case "none":
      return 0;
    case "run":
      return record.runKey;
    case "trace":
      return record.orderKey;
  }
}
