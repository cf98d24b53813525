import type { Delivery, ItemDelivery } from "../../sinks/delivery.ts";
import type { DeadLetterReason } from "../dead-letters/dead-letter.ts";
import type { Figures } from "../figures.ts";
import type { Outcome } from "../ledger/ledger.ts";
import { wasAsked } from "./attempt.ts";
import type { PendingEvent } from "./pending-event.ts";

/**
 * Takes one batch as far as it gets: one request after the other, always the front of what is left, so that
 * no event overtakes another of its key.
 *
 *   delivered, skipped   settled
 *   mixed                each for itself; what is to be tried again waits with its key
 *   partly               all settled, as many dead as the backend counted
 *   rejected             somewhere in the request is a bad event: the next request is its front half. What
 *                        goes through proves the bad one to be in the other half, which is therefore not sent
 *                        as a whole. Found alone, it is a dead letter, and all that is left goes in one
 *                        request. So k bad events of n cost at most k·(log2 n + 2) requests beyond the first.
 *   tooLarge             halved, and later requests of this batch are no larger; where one as large was taken
 *                        before, it is some event in it, and it is bisected as if rejected; alone, a dead
 *                        letter, after which the rest goes in one request as well
 *   retry                again, after a jittered backoff, up to a series; see below
 *   blocked              stops; all that is left goes back
 *
 * Between two requests a batch gives back all that is left if some of it is to be dropped.
 *
 * A series that failed means one of three things. Nothing else got through meanwhile: it is the backend, the
 * batch stops and the route waits. Others got through: it is this batch, whose events wait with their keys.
 * Others got through and it is the second time: it is some event of this batch, and it is bisected as if
 * rejected, one try a request; who fails alone is set aside as a suspect (`isAlone`), and is a dead letter
 * ("poison") after ten failures with successes of others between.
 */
export async function deliver(
  batch: readonly PendingEvent[],
  mode: "series" | "probe",
  route: DeliveringRoute,
): Promise<Delivered> {
  const delivery = new BatchDelivery(batch, mode, route);
  await delivery.run();
  return delivery.delivered;
}

/** What a batch needs of its route. */
export interface DeliveringRoute {
  readonly figures: Figures;
  /** Requests of this sink that the backend took, so far. */
  readonly successes: number;
  readonly isStopped: boolean;
  /** Is it to be dropped as soon as no request holds it? */
  recalls(item: PendingEvent): boolean;
  send(items: readonly PendingEvent[], attempt: number): Promise<Delivery>;
  backoff(retry: number): Promise<void>;
  settle(item: PendingEvent, outcome: Outcome): void;
  /**
   * Writes a dead letter of all `items` and settles them, `dead` of them as dead. False: the disk failed, try
   * later.
   */
  bury(
    items: readonly PendingEvent[],
    dead: number,
    reason: DeadLetterReason,
    words: string,
  ): Promise<boolean>;
  follows(item: PendingEvent): boolean;
}

export interface Delivered {
  /** Not settled; may go again at once, as far as their keys allow. */
  readonly rest: readonly PendingEvent[];
  /** Not settled; each waits, and its key with it. */
  readonly waits: readonly { readonly item: PendingEvent; readonly retryAfterMs?: number }[];
  /** Why the batch went no further: the route waits or pauses. */
  readonly stop?: Extract<Delivery, { status: "retry" | "blocked" }>;
  /** Did any of it reach for the backend? What is only skipped says nothing of how the backend is. */
  readonly wasAsked: boolean;
}

type Retry = Extract<Delivery, { status: "retry" }>;

class BatchDelivery {
  readonly #route: DeliveringRoute;
  readonly #mode: "series" | "probe";
  readonly #rest: PendingEvent[] = [];
  readonly #waits: { item: PendingEvent; retryAfterMs?: number }[] = [];
  #left: PendingEvent[];
  #stop: Extract<Delivery, { status: "retry" | "blocked" }> | undefined;
  /** Why the series that is going on has failed so far. */
  #failing: Retry | undefined;
  /** The first so many of what is left are known to hold a bad event. */
  #badWithin = 0;
  #sizeMax = Number.POSITIVE_INFINITY;
  /** The largest request that was taken. */
  #taken = { events: 0, bytes: 0 };
  #isBisectingRetries = false;
  #wasAsked = false;
  #retries = 0;
  #successesAtStart: number;

  constructor(batch: readonly PendingEvent[], mode: "series" | "probe", route: DeliveringRoute) {
    this.#left = [...batch];
    this.#mode = mode;
    this.#route = route;
    this.#successesAtStart = route.successes;
  }

  get delivered(): Delivered {
    const rest = [...this.#rest, ...this.#left];
    const stop = this.#stop && { stop: this.#stop };
    return { rest, waits: this.#waits, wasAsked: this.#wasAsked, ...stop };
  }

  async run(): Promise<void> {
    await this.#buryFollowers();
    while (this.#left.length > 0 && !this.#stop && !this.#route.isStopped) {
      if (this.#left.some((item) => this.#route.recalls(item))) {
        this.#stop = this.#failing;
        return;
      }
      const size = this.#nextSize();
      const request = size === this.#left.length ? this.#left : this.#left.slice(0, size);
      for (const item of request) item.attempts++;
      try {
        await this.#apply(request, await this.#route.send(request, this.#retries + 1));
      } catch (error) {
        if (!(await this.#buryUndecodable(request))) throw error;
      }
    }
  }

  #nextSize(): number {
    const size = this.#badWithin > 1 ? this.#badWithin >>> 1 : this.#badWithin || this.#left.length;
    return Math.min(size, this.#sizeMax);
  }

  async #apply(request: readonly PendingEvent[], delivery: Delivery): Promise<void> {
    this.#wasAsked ||= wasAsked(delivery);
    switch (delivery.status) {
      case "delivered":
      case "skipped":
        for (const item of request) this.#route.settle(item, delivery);
        this.#taken = largest(this.#taken, sizeOf(request));
        return this.#goOn(request.length);
      case "rejected":
        if (request.length > 1) return this.#bisect(request.length);
        return this.#buryFront(request, 1, "rejected", delivery.reason);
      case "tooLarge":
        return this.#shrink(request, delivery.reason);
      case "partly": {
        const dead = Math.max(0, Math.min(delivery.rejected, request.length));
        if (dead > 0) return this.#buryFront(request, dead, "partly", delivery.reason);
        return this.#apply(request, { status: "delivered" });
      }
      case "mixed":
        return this.#applyEach(request, delivery.each);
      case "retry":
        return this.#retry(request, delivery);
      case "blocked":
        this.#stop = delivery;
        return;
    }
  }

  async #shrink(request: readonly PendingEvent[], words: string): Promise<void> {
    if (request.length === 1) {
      // What was too large may have been so by this event alone.
      this.#sizeMax = Number.POSITIVE_INFINITY;
      return this.#buryFront(request, 1, "too_large", words);
    }
    const { events, bytes } = sizeOf(request);
    if (events <= this.#taken.events && bytes <= this.#taken.bytes) this.#bisect(request.length);
    else this.#sizeMax = request.length >>> 1;
  }

  async #applyEach(request: readonly PendingEvent[], each: readonly ItemDelivery[]): Promise<void> {
    const [first] = each;
    // If every single event failed, it is no event's fault; unless each was told its own time to wait.
    const retries = each.filter((item) => item.status === "retry");
    if (first?.status === "retry" && retries.length === each.length && !retries.every(isAskedToWait)) {
      return this.#retry(request, first);
    }
    this.#goOn(request.length);
    for (const [index, item] of request.entries()) {
      const delivery = each[index];
      if (delivery) await this.#applyOne(item, delivery);
    }
  }

  async #applyOne(item: PendingEvent, delivery: ItemDelivery): Promise<void> {
    switch (delivery.status) {
      case "delivered":
      case "skipped":
        return this.#route.settle(item, delivery);
      case "rejected":
        return this.#bury([item], 1, "rejected", delivery.reason);
      case "retry":
        return this.#suspect(item, delivery);
    }
  }

  async #retry(request: readonly PendingEvent[], retry: Retry): Promise<void> {
    if (isAskedToWait(retry)) {
      // Slowed down, not refused: nothing that speaks against these events.
      this.#stop = retry;
      return;
    }
    const [first] = request;
    if (first?.isAlone) return this.#retryAlone(first, retry);
    if (this.#isBisectingRetries) return this.#narrow(request, retry);
    if (this.#mode === "series" && this.#retries < this.#route.figures.seriesRetries) {
      this.#failing = retry;
      await this.#route.backoff(this.#retries++);
      return;
    }
    return this.#endSeries(request, retry);
  }

  async #endSeries(request: readonly PendingEvent[], retry: Retry): Promise<void> {
    const { successes, figures } = this.#route;
    let isSuspect = false;
    for (const item of request) {
      if (item.failures++ === 0) item.answersBefore = this.#successesAtStart;
      isSuspect ||= item.failures >= figures.suspectAfter && successes > item.answersBefore;
    }
    if (isSuspect && request.length === 1) for (const item of request) this.#markAlone(item);
    if (this.#mode === "probe") this.#stop = retry;
    else if (isSuspect) {
      this.#isBisectingRetries = true;
      this.#retries = 0;
      this.#successesAtStart = successes;
      await this.#narrow(request, retry);
    } else if (successes > this.#successesAtStart) {
      for (const item of this.#left.splice(0)) this.#waits.push({ item });
    } else this.#stop = retry;
  }

  /**
   * Bisects a batch that fails without a word of rejection. If meanwhile nothing gets through at all, it is
   * the backend.
   */
  async #narrow(request: readonly PendingEvent[], retry: Retry): Promise<void> {
    if (this.#route.successes > this.#successesAtStart) this.#retries = 0;
    this.#successesAtStart = this.#route.successes;
    if (++this.#retries > BISECT_FAILURES_MAX) {
      this.#stop = retry;
      return;
    }
    if (request.length > 1) return this.#bisect(request.length);
    for (const item of request) {
      this.#markAlone(item);
      this.#goOn(1);
      this.#setAside(item, {});
    }
  }

  /** An event that the backend would not take while it took others of the same request. */
  async #suspect(item: PendingEvent, retry: Retry): Promise<void> {
    if (isAskedToWait(retry)) return this.#setAside(item, { retryAfterMs: retry.retryAfterMs ?? 0 });
    if (item.aloneAnswers < 0) item.aloneAnswers = this.#successesAtStart;
    return this.#countAlone(item, retry);
  }

  async #retryAlone(item: PendingEvent, retry: Retry): Promise<void> {
    this.#goOn(1);
    await this.#countAlone(item, retry);
    if (this.#mode === "probe" && this.#waits.length > 0) this.#stop = retry;
  }

  async #countAlone(item: PendingEvent, retry: Retry): Promise<void> {
    const { successes, figures } = this.#route;
    if (successes > item.aloneAnswers) item.aloneFailures++;
    item.aloneAnswers = successes;
    if (item.aloneFailures >= figures.poisonAfter) return this.#bury([item], 1, "poison", retry.reason);
    this.#setAside(item, {});
  }

  #markAlone(item: PendingEvent): void {
    item.isAlone = true;
    if (item.aloneFailures++ === 0) item.aloneAnswers = this.#route.successes;
  }

  #bisect(size: number): void {
    this.#badWithin = size;
  }

  /** The front of what is left is done with. */
  #goOn(events: number): void {
    this.#failing = undefined;
    this.#left = this.#left.slice(events);
    this.#badWithin = Math.max(0, this.#badWithin - events);
    if (!this.#isBisectingRetries) this.#retries = 0;
  }

  async #buryFront(
    request: readonly PendingEvent[],
    dead: number,
    reason: DeadLetterReason,
    words: string,
  ): Promise<void> {
    this.#goOn(request.length);
    this.#badWithin = 0;
    await this.#bury(request, dead, reason, words);
  }

  async #bury(
    items: readonly PendingEvent[],
    dead: number,
    reason: DeadLetterReason,
    words: string,
  ): Promise<void> {
    if (await this.#route.bury(items, dead, reason, words)) return this.#buryFollowers();
    for (const item of items) this.#setAside(item, {});
  }

  /** When the start of a run is a dead letter, the rest of the run follows it. */
  async #buryFollowers(): Promise<void> {
    for (const item of this.#left.filter((each) => this.#route.follows(each))) {
      const at = this.#left.indexOf(item);
      // It went back with its key, because one before it could not be buried.
      if (at < 0) continue;
      this.#left.splice(at, 1);
      this.#badWithin = 0;
      const isBuried = await this.#route.bury([item], 1, "follows", "its run's start is a dead letter");
      if (!isBuried) this.#setAside(item, {});
    }
  }

  async #buryUndecodable(request: readonly PendingEvent[]): Promise<boolean> {
    const broken = request.filter(({ isUndecodable }) => isUndecodable);
    if (broken.length === 0) return false;
    this.#left = this.#left.filter(({ isUndecodable }) => !isUndecodable);
    this.#badWithin = 0;
    for (const item of broken) await this.#bury([item], 1, "undecodable", "its record is not an event");
    return true;
  }

  /** It waits, and what is left of its key goes back to stand behind it. */
  #setAside(item: PendingEvent, wait: { readonly retryAfterMs?: number }): void {
    this.#waits.push({ item, ...wait });
    if (item.key === 0) return;
    for (let index = this.#left.length - 1; index >= 0; index--) {
      if (this.#left[index]?.key !== item.key) continue;
      this.#rest.push(...this.#left.splice(index, 1));
      if (index < this.#badWithin) this.#badWithin--;
    }
  }
}

/**
 * Requests of a bisection in a row of which none got through: a batch of 2^10 needs 11 to find a bad event at
 * its front.
 */
const BISECT_FAILURES_MAX = 12;

interface Size {
  readonly events: number;
  readonly bytes: number;
}

function sizeOf(items: readonly PendingEvent[]): Size {
  return { events: items.length, bytes: items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

function largest(one: Size, other: Size): Size {
  return { events: Math.max(one.events, other.events), bytes: Math.max(one.bytes, other.bytes) };
}

function isAskedToWait({ retryAfterMs }: Retry): boolean {
  return retryAfterMs !== undefined && retryAfterMs > 0;
}
