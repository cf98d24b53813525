import type { Clock } from "@sluice/sdk/internal";
import type { SinkDefinition } from "../../sinks/define.ts";
import { FLAG_SET_ASIDE, type ReadLimit, type SpoolRecord } from "../../spool/spool.ts";
import type { DeadLetters } from "../dead-letters/dead-letters.ts";
import type { Figures } from "../figures.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Shape } from "../shape.ts";
import type { Lanes } from "./lanes.ts";
import { PendingEvent } from "./pending-event.ts";

export interface AdmissionOptions {
  readonly definition: Pick<SinkDefinition, "limits" | "order" | "isKeyless" | "inFlight">;
  readonly shape: Shape;
  readonly figures: Figures;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly deadLetters: DeadLetters;
  readonly lanes: Lanes;
  /** From this size on an event is left on the disk until it is sent. */
  readonly largeBytes: number;
}

/**
 * Clocks jump while a process is down, so a stored time is not believed for longer than a step of the clock
 * may hold anything up (P14). A backend that asked for more is asked once too early after a restart.
 */
const STORED_WAIT_MS_MAX = 60_000;

/** Which records a route takes into memory, and how many at a time. */
export class Admission {
  readonly #options: AdmissionOptions;
  #heldBytes = 0;
  #unsettled = 0;
  /** Where the event that was read last lies: its neighbours there cost nothing more. */
  #lastBuffer: ArrayBufferLike | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Puts a record in its lane, or settles it at once if it is not for this sink or was buried before a crash.
   */
  accept(record: SpoolRecord): void {
    const { shape, deadLetters, ledger } = this.#options;
    const { offset } = record;
    if ((record.flags & FLAG_SET_ASIDE) !== 0) {
      ledger.settle(offset, offset + 1, { status: "dropped", reason: "quarantined" });
      return;
    }
    const shaped = shape(record);
    const known = deadLetters.countFor(offset);
    if (typeof shaped === "string") ledger.settle(offset, offset + 1, { status: "skipped", reason: shaped });
    else if (known === undefined) this.#hold(shaped);
    else ledger.settle(offset, offset + 1, { status: known === 1 ? "deadLettered" : "delivered" });
  }

  /** An event is settled. */
  release(item: PendingEvent): void {
    this.#heldBytes -= item.heldBytes;
    this.#unsettled--;
  }

  /** An event will stay for long. */
  keepApart(item: PendingEvent): void {
    if (!item.isLoaded) return;
    item.keepApart();
    this.#heldBytes += item.sizeBytes - item.heldBytes;
    item.heldBytes = item.sizeBytes;
  }

  /** No more is read until some of it has left: waiting for company makes no batch larger. */
  get isFull(): boolean {
    return this.#heldBytes >= this.#options.figures.readAheadBytes;
  }

  /**
   * How much to read now; undefined if memory or the ledger is full. What is on its way and the next batches
   * are counted against the read-ahead, what waits against the ledger's exceptions: it must not keep others
   * from passing.
   */
  limit(isIdle: boolean): ReadLimit | undefined {
    const { definition, figures, ledger, lanes } = this.#options;
    const { limits, inFlight } = definition;
    const bytes = figures.readAheadBytes - this.#heldBytes;
    const standing = lanes.waiting + lanes.parked;
    const records = Math.min(
      limits.events * (inFlight + 1) - (this.#unsettled - standing),
      figures.exceptionsMax - ledger.exceptions - this.#unsettled,
    );
    if (records <= 0) return undefined;
    if (bytes > 0) return { records, bytes };
    // If memory is full of what waits, one event at a time still passes; else two large poisoned ones would
    // block all others.
    return isIdle ? { records: 1, bytes: 1 } : undefined;
  }

  #hold(record: SpoolRecord): void {
    const { definition, clock, ledger, lanes } = this.#options;
    const item = new PendingEvent(record, keyOf(record, definition), clock.monotonicMs());
    this.#unsettled++;
    this.#keep(item);
    const waiting = ledger.waiting.get(record.offset);
    if (!waiting) {
      lanes.offer(item);
      return;
    }
    item.waits = waiting.attempt;
    const leftMs = Math.min(Math.max(0, waiting.nextTryMs - clock.nowMs()), STORED_WAIT_MS_MAX);
    this.keepApart(item);
    lanes.offerWaiting(item, clock.monotonicMs() + leftMs);
  }

  /** A large event stays on the disk; a small one keeps all of the buffer that it is a slice of. */
  #keep(item: PendingEvent): void {
    const { buffer } = item.raw;
    if (item.sizeBytes >= this.#options.largeBytes) {
      item.unload();
      return;
    }
    item.heldBytes = buffer === this.#lastBuffer ? 0 : Math.max(item.sizeBytes, buffer.byteLength);
    this.#lastBuffer = buffer;
    this.#heldBytes += item.heldBytes;
  }
}

function keyOf(
  record: SpoolRecord,
  { order, isKeyless }: Pick<SinkDefinition, "order" | "isKeyless">,
): number {
  if (isKeyless?.(record.kindCode)) return 0;
  switch (order) {
    case "none":
      return 0;
    case "run":
      return record.runKey;
    case "trace":
      return record.orderKey;
  }
}
