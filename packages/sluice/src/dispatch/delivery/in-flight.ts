import type { Clock } from "@sluice/sdk/internal";
import type { SinkDefinition } from "../../sinks/define.ts";
import type { LedgerWriter } from "../ledger/ledger-writer.ts";
import type { Turns } from "./live-first.ts";
import type { PendingEvent } from "./pending-event.ts";

export interface InFlightOptions {
  readonly definition: Pick<SinkDefinition, "limits" | "inFlight">;
  readonly writer: Pick<LedgerWriter, "unstored" | "isFailing" | "flush">;
  readonly clock: Clock;
  readonly turns: Turns | undefined;
  /** There may be a place again that was not there. */
  onPlace(): void;
  onCount(batches: number): void;
}

/** A disk that takes longer than this for a ledger does not hold up events. */
const LEDGER_MS_MAX = 1_000;

/**
 * The batches that are on their way, and whether one more may leave. At most so many as the sink wants at a
 * time; and a crash sends again what the ledger does not know of, which is promised to be no more than what
 * may be in flight (P1), however fast batches end: where one more could make it more, it waits until the
 * ledger is stored. If the disk will not take the ledger, or not soon, nothing waits for it.
 */
export class InFlight {
  readonly #options: InFlightOptions;
  readonly #batches = new Set<readonly PendingEvent[]>();
  /** The ledger is being stored, and batches wait for it until it is late. */
  #storing: { isLate: boolean } | undefined;

  constructor(options: InFlightOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#batches.size;
  }

  /** False where nobody has to ask again before `onPlace`, or before a batch is back. */
  get hasPlace(): boolean {
    return this.count < this.#options.definition.inFlight && (this.#storing?.isLate ?? true);
  }

  /** May a batch leave now? Has the ledger stored first if it must be. */
  mayLeave(): boolean {
    const { writer, turns } = this.#options;
    if (!this.hasPlace || turns?.mayLeave() === false) return false;
    if (this.#isWithinBound || this.#storing || writer.isFailing) return true;
    this.#storeLedger();
    return false;
  }

  leaves(batch: readonly PendingEvent[]): void {
    this.#batches.add(batch);
    this.#options.turns?.left();
    this.#options.onCount(this.count);
  }

  isBack(batch: readonly PendingEvent[]): void {
    this.forget(batch);
    this.#options.onCount(this.count);
  }

  /** Tells nobody: for a route that has failed, maybe by somebody who was told. */
  forget(batch: readonly PendingEvent[]): void {
    this.#batches.delete(batch);
  }

  *events(): Iterable<PendingEvent> {
    for (const batch of this.#batches) yield* batch;
  }

  get #isWithinBound(): boolean {
    const { definition, writer } = this.#options;
    const { limits, inFlight } = definition;
    let events = writer.unstored + limits.events;
    for (const batch of this.#batches) events += batch.length;
    return events <= limits.events * inFlight;
  }

  #storeLedger(): void {
    const { writer, clock, onPlace } = this.#options;
    const storing = { isLate: false };
    this.#storing = storing;
    const timer = clock.after(LEDGER_MS_MAX, () => {
      storing.isLate = true;
      onPlace();
    });
    void writer.flush(false).then(() => {
      timer.cancel();
      this.#storing = undefined;
      onPlace();
    });
  }
}
