import { type Clock, type Random, sleep } from "@sluice/sdk/internal";
import type { Sink } from "../../sinks/define.ts";
import type { Delivery } from "../../sinks/delivery.ts";
import type { DeadLetterReason } from "../dead-letters/dead-letter.ts";
import type { DeadLetters } from "../dead-letters/dead-letters.ts";
import type { Figures } from "../figures.ts";
import type { Ledger, Outcome } from "../ledger/ledger.ts";
import type { LedgerWriter } from "../ledger/ledger-writer.ts";
import { createAttempt, type RouteObserver } from "../observer.ts";
import { Seldom } from "../seldom.ts";
import { attempt, isSuccess, wasAsked } from "./attempt.ts";
import { seriesBackoffMs } from "./backoff.ts";
import type { DeliveringRoute } from "./deliver.ts";
import type { Pace } from "./pace.ts";
import type { PendingEvent } from "./pending-event.ts";

export interface SenderOptions {
  readonly name: string;
  readonly sink: Sink;
  readonly pace: Pace;
  readonly figures: Figures;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly writer: LedgerWriter;
  readonly deadLetters: DeadLetters;
  readonly observer: RouteObserver;
  /** Ends every request that is on its way. */
  readonly stop: AbortSignal;
  /** A request has shown something of how the backend is. */
  onLearned(): void;
  /** An event left the route's hands. */
  onSettled(item: PendingEvent): void;
}

/**
 * What batches have in common on their way to one sink: its pace, its health, the ledger and the dead
 * letters.
 */
export class Sender implements DeliveringRoute {
  readonly #options: SenderOptions;
  #successes = 0;
  #failuresInRow = 0;
  #failingSinceMs: number | undefined;
  #recalledBelow = 0;
  #lastError: string | undefined;
  readonly #seldom: Seldom;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#seldom = new Seldom(options.clock, options.observer.warn);
  }

  get figures(): Figures {
    return this.#options.figures;
  }

  get successes(): number {
    return this.#successes;
  }

  get failuresInRow(): number {
    return this.#failuresInRow;
  }

  /** When the failures in a row began, by the wall clock. */
  get failingSinceMs(): number | undefined {
    return this.#failuresInRow > 0 ? this.#failingSinceMs : undefined;
  }

  /** What the last request that failed said; undefined once one has succeeded. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  get isStopped(): boolean {
    return this.#options.stop.aborted;
  }

  /** From now on what lies below is given back rather than tried again. */
  recallBelow(offset: number): void {
    this.#recalledBelow = Math.max(this.#recalledBelow, offset);
  }

  recalls(item: PendingEvent): boolean {
    return item.offset < this.#recalledBelow;
  }

  async send(items: readonly PendingEvent[], tries: number): Promise<Delivery> {
    const { name, sink, pace, figures, clock, stop, observer } = this.#options;
    await pace.next(stop);
    if (stop.aborted) return { status: "retry", reason: "stopped before it was sent" };
    const startMs = clock.monotonicMs();
    const delivery = await attempt(sink, items, stop, clock, figures);
    this.#learn(delivery);
    this.#options.onLearned();
    observer.onAttempt(createAttempt(name, items, tries, delivery, clock.monotonicMs() - startMs));
    return delivery;
  }

  backoff(retry: number): Promise<void> {
    const { clock, figures, random, stop } = this.#options;
    return sleep(clock, seriesBackoffMs(retry, figures, random), stop);
  }

  settle(item: PendingEvent, outcome: Outcome): void {
    const { ledger, writer, onSettled } = this.#options;
    ledger.settle(item.offset, item.offset + 1, outcome);
    onSettled(item);
    writer.changed(1);
  }

  async bury(
    items: readonly PendingEvent[],
    dead: number,
    reason: DeadLetterReason,
    words: string,
  ): Promise<boolean> {
    const { deadLetters, writer, observer, name } = this.#options;
    const written = await deadLetters.append([{ items, dead, reason, words }]);
    if (written === "failed") {
      observer.warn(`Dead letters of ${name} cannot be written; the events stay pending.`);
      return false;
    }
    if (written === "full") this.#seldom.count(name, dead, (sum) => deadLettersFull(name, sum));
    const fate: Outcome =
      written === "written" ? { status: "deadLettered" } : { status: "dropped", reason: "deadletters_full" };
    for (const [index, item] of items.entries()) {
      this.settle(item, index < dead ? fate : { status: "delivered" });
    }
    void writer.flush(true);
    return true;
  }

  follows(item: PendingEvent): boolean {
    return this.#options.deadLetters.follows(item.record.runKey);
  }

  #learn(delivery: Delivery): void {
    if (!wasAsked(delivery)) return;
    if (isSuccess(delivery)) this.#successes++;
    switch (delivery.status) {
      case "retry":
      case "blocked":
        if (this.#failuresInRow === 0) this.#failingSinceMs = this.#options.clock.nowMs();
        this.#failuresInRow++;
        this.#lastError = delivery.reason;
        return;
      case "rejected":
      case "tooLarge":
        // The backend is well, and this is what it said last.
        this.#lastError = delivery.reason;
        this.#failuresInRow = 0;
        return;
      case "delivered":
      case "skipped":
      case "mixed":
      case "partly":
        this.#failuresInRow = 0;
        this.#lastError = undefined;
        return;
    }
  }
}

function deadLettersFull(name: string, events: number): string {
  return `The dead letters are full: ${events} events that ${name} refused were dropped (deadletters_full).`;
}
