import type { Lease } from "../spool/spool.ts";
import { Alarm } from "./alarm.ts";
import { type BacklogLimit, NO_LIMIT } from "./backlog.ts";
import type { DeadLetters } from "./dead-letters/dead-letters.ts";
import type { Admission } from "./delivery/admission.ts";
import { waitMs } from "./delivery/backoff.ts";
import type { Company } from "./delivery/company.ts";
import type { Delivered } from "./delivery/deliver.ts";
import { deliverLoaded } from "./delivery/deliver-loaded.ts";
import type { InFlight } from "./delivery/in-flight.ts";
import type { Lanes } from "./delivery/lanes.ts";
import type { LargeEvents } from "./delivery/large-events.ts";
import type { PendingEvent } from "./delivery/pending-event.ts";
import type { Sender } from "./delivery/sender.ts";
import { Drain } from "./drain.ts";
import type { Figures } from "./figures.ts";
import { HealthNews } from "./health-news.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { LedgerWriter } from "./ledger/ledger-writer.ts";
import { takeLedger } from "./ledger/take-ledger.ts";
import { Oldest } from "./oldest.ts";
import type { PatientReads } from "./patient-reads.ts";
import type { Reader } from "./reader.ts";
import type { Route, RouteOptions, RouteStatus } from "./route.ts";
import { createParts } from "./route-parts.ts";
import { RouteLife } from "./route-state.ts";
import { healthNow, statusOf } from "./route-status.ts";

/**
 * Takes the route's ledger, or starts at its first offset if there is none to believe, and begins to deliver.
 */
export async function openRoute(options: RouteOptions): Promise<Route> {
  const { lease, ledger } = await takeLedger(options.spool, options);
  const deadLetters = await options.openDeadLetters(ledger.low);
  const route = new SinkRoute(options, lease, ledger, deadLetters);
  route.start();
  return route;
}

class SinkRoute implements Route {
  readonly #options: RouteOptions;
  readonly #figures: Figures;
  readonly #lease: Lease;
  readonly #ledger: Ledger;
  readonly #deadLetters: DeadLetters;
  readonly #lanes: Lanes;
  readonly #large: LargeEvents;
  readonly #admission: Admission;
  readonly #company: Company;
  readonly #writer: LedgerWriter;
  readonly #reads: PatientReads;
  readonly #reader: Reader;
  readonly #sender: Sender;
  readonly #alarm: Alarm;
  readonly #stop = new AbortController();
  readonly #inFlight: InFlight;
  readonly #life: RouteLife;
  readonly #news: HealthNews;
  readonly #oldest: Oldest;
  #drain: Drain | undefined;
  #isDone = false;
  #isProbeOut = false;
  #closed: Promise<void> | undefined;

  constructor(options: RouteOptions, lease: Lease, ledger: Ledger, deadLetters: DeadLetters) {
    const { clock, observer } = options;
    this.#options = options;
    this.#lease = lease;
    this.#ledger = ledger;
    this.#deadLetters = deadLetters;
    const parts = createParts(options, {
      lease,
      ledger,
      deadLetters,
      stop: this.#stop.signal,
      onChange: () => this.#pump(),
      onHealth: () => this.#tellHealth(),
      fail: (reason) => this.#fail(reason),
    });
    this.#figures = parts.figures;
    this.#lanes = parts.lanes;
    this.#large = parts.large;
    this.#admission = parts.admission;
    this.#company = parts.company;
    this.#writer = parts.writer;
    this.#reads = parts.reads;
    this.#reader = parts.reader;
    this.#sender = parts.sender;
    this.#inFlight = parts.inFlight;
    this.#oldest = new Oldest({ ...parts, ledger });
    this.#life = new RouteLife(clock, this.#figures, () => this.#tellHealth());
    this.#news = new HealthNews(observer);
    this.#alarm = new Alarm(clock, () => this.#pump());
  }

  get status(): RouteStatus {
    return statusOf(this.#options, {
      ledger: this.#ledger,
      state: this.#life.state,
      sender: this.#sender,
      reads: this.#reads,
      figures: this.#figures,
      inFlight: this.#inFlight.count,
      pending: this.#pending(),
      backlog: { bytes: this.backlogBytes, ...this.limit },
    });
  }

  #tellHealth(): void {
    const { state } = this.#life;
    const view = { state, sender: this.#sender, reads: this.#reads, figures: this.#figures };
    this.#news.look(healthNow(this.#options, view));
  }

  get name(): string {
    return this.#options.name;
  }

  get limit(): BacklogLimit {
    return this.#options.backlog ?? NO_LIMIT;
  }

  get backlogBytes(): number {
    const { spool, partition = 0 } = this.#options;
    return spool.layout.bytesFrom(partition, this.#ledger.low);
  }

  get lowOffset(): number {
    return this.#writer.durableLow;
  }

  sync(): Promise<boolean> {
    return this.#writer.flush(true);
  }

  dropOldest(before: number): number {
    if (this.#life.state.name === "closed") return 0;
    const dropped = this.#oldest.dropBelow(before);
    const isForgotten = this.#life.isOver && this.#inFlight.count === 0;
    const forgotten = isForgotten ? this.#oldest.dropForgotten() : 0;
    this.#writer.changed();
    this.#pump();
    return dropped + forgotten;
  }

  start(): void {
    const lost = () => this.#fail("another process took over this route");
    this.#lease.lost.addEventListener("abort", lost, { once: true });
    if (this.#lease.lost.aborted) lost();
    this.#tellHealth();
    this.#pump();
  }

  wake(): void {
    this.#life.wake();
    this.#lanes.wakeDue(Number.POSITIVE_INFINITY);
    this.#pump();
  }

  async drain(signal: AbortSignal): Promise<void> {
    if (this.#life.isOver) return;
    this.#drain ??= this.#startDrain();
    await this.#drained(this.#drain, signal);
    await this.#writer.flush(true);
  }

  async rest(signal: AbortSignal): Promise<void> {
    if (this.#life.isOver) return;
    this.#drain ??= this.#startDrain();
    this.#drain.isSending = false;
    await this.#drained(this.#drain, signal);
  }

  #drained(drain: Drain, patience: AbortSignal): Promise<void> {
    const over = drain.whileFor(patience, () => {
      this.#stop.abort();
      this.#pump();
    });
    this.#pump();
    return over;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.drain(AbortSignal.abort());
    this.#halt();
    // A lost lease or a full disk: the older ledger counts, which costs duplicates and nothing else.
    await this.#writer.flush(true);
    this.#writer.stop();
    await this.#deadLetters.close();
    this.#life.close();
  }

  #startDrain(): Drain {
    const isSending = this.#life.state.name === "running";
    this.#life.drain();
    const target = Math.min(this.#options.spool.state.nextOffset, this.#until);
    return new Drain(target, isSending);
  }

  /**
   * Does whatever can be done now. Called after everything that may have changed what that is, also from
   * timers and promises, where nobody would catch what a bug throws: it ends this route and nothing else.
   */
  #pump(): void {
    try {
      this.#pumpOnce();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #pumpOnce(): void {
    if (this.#life.isOver) return;
    const nowMs = this.#options.clock.monotonicMs();
    switch (this.#life.state.name) {
      case "running":
      case "draining":
        this.#lanes.wakeDue(nowMs);
        this.#sendBatches(nowMs);
        break;
      case "waiting":
      case "paused":
        if (nowMs >= this.#life.probeAtMs) this.#probe();
        break;
      case "probing":
        // The last one was skipped, and has told nothing.
        if (!this.#isProbeOut) this.#probe();
        break;
    }
    this.#readAhead();
    this.#tellTurns(nowMs);
    if (this.#drain) this.#endDrain();
    else this.#alarm.set(this.#nextAtMs(nowMs));
    if (this.#ledger.low >= this.#until) this.#done();
  }

  get #until(): number {
    return this.#options.until ?? Number.POSITIVE_INFINITY;
  }

  #done(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#options.onDone?.();
  }

  #tellTurns(nowMs: number): void {
    const isOpen = this.#life.state.name === "running" || this.#life.state.name === "draining";
    this.#options.turns?.now(isOpen ? (this.#isBatchDue(nowMs) ? "due" : "idle") : "held");
  }

  #sendBatches(nowMs: number): void {
    if (this.#stop.signal.aborted || this.#drain?.isSending === false) return;
    const { limits } = this.#options.definition;
    while (this.#isBatchDue(nowMs) && this.#inFlight.mayLeave()) {
      const batch = this.#lanes.take(limits.events, limits.bytes);
      if (batch.length > 0) this.#send(batch, "series");
    }
  }

  #isBatchDue(nowMs: number): boolean {
    return this.#company.isDue(nowMs, this.#drain !== undefined);
  }

  /**
   * One event, and another one than last time if there is: a single bad event must not decide whether the
   * sink is well.
   */
  #probe(): void {
    if (!this.#inFlight.mayLeave()) return;
    let [item] = this.#lanes.take(1, Number.POSITIVE_INFINITY);
    if (!item && this.#lanes.waiting > 0) {
      this.#lanes.wakeDue(this.#lanes.nextDueMs);
      [item] = this.#lanes.take(1, Number.POSITIVE_INFINITY);
    }
    if (!item) return;
    this.#isProbeOut = true;
    this.#life.probe();
    this.#send([item], "probe");
  }

  #send(batch: readonly PendingEvent[], mode: "series" | "probe"): void {
    this.#inFlight.leaves(batch);
    deliverLoaded(batch, mode, this.#sender, this.#large)
      .then((delivered) => this.#finish(batch, mode, delivered))
      .catch((error) => {
        this.#inFlight.forget(batch);
        this.#fail(error instanceof Error ? error.message : String(error));
      });
  }

  #finish(batch: readonly PendingEvent[], mode: "series" | "probe", delivered: Delivered): void {
    const { rest, waits, stop, wasAsked } = delivered;
    if (mode === "probe") this.#isProbeOut = false;
    const isFailedProbe = mode === "probe" && stop?.status === "retry";
    // Whoever was the probe stands back, so that the next one is another event.
    if (isFailedProbe) this.#giveBack(batch, [], [...waits, ...rest.map((item) => ({ item }))]);
    else this.#giveBack(batch, rest, waits);
    if (stop && this.#drain) this.#drain.isSending = false;
    else if (stop) this.#life.setBack(stop);
    else if (wasAsked) this.#life.succeed();
    this.#pump();
  }

  #giveBack(batch: readonly PendingEvent[], rest: readonly PendingEvent[], waits: Delivered["waits"]): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const due = waits.map(({ item, retryAfterMs }) => {
      const delayMs = waitMs(++item.waits, this.#figures, retryAfterMs);
      this.#ledger.wait(item.offset, { attempt: item.waits, nextTryMs: clock.nowMs() + delayMs });
      return { item, dueMs: nowMs + delayMs };
    });
    if (due.length > 0) this.#writer.changed();
    this.#lanes.finish(batch, rest, due);
    this.#oldest.dropHeld();
    this.#inFlight.isBack(batch);
  }

  #readAhead(): void {
    if (this.#drain && (!this.#drain.isSending || this.#reader.position >= this.#drain.target)) return;
    const limit = this.#admission.limit(this.#lanes.ready === 0 && this.#inFlight.count === 0);
    if (limit) this.#reader.read(limit);
  }

  #endDrain(): void {
    const drain = this.#drain;
    if (!drain || this.#inFlight.count > 0) return;
    const isAllSent = this.#lanes.ready === 0 && this.#reader.position >= drain.target;
    if (drain.isSending && !isAllSent && !this.#stop.signal.aborted) return;
    this.#reader.stop();
    drain.end();
  }

  /** When there will be something to do that nothing else will tell of. */
  #nextAtMs(nowMs: number): number {
    const { nextDueMs } = this.#lanes;
    switch (this.#life.state.name) {
      case "waiting":
      case "paused":
        // If its time has come and there is nothing to probe with, the next event that is read brings it
        // about.
        return this.#life.probeAtMs > nowMs ? this.#life.probeAtMs : Number.POSITIVE_INFINITY;
      case "running":
        return this.#inFlight.hasPlace ? Math.min(nextDueMs, this.#company.dueAtMs) : nextDueMs;
      case "probing":
      case "draining":
      case "failed":
      case "closed":
        return Number.POSITIVE_INFINITY;
    }
  }

  /** What was read and is with us, in no order. */
  *#pending(): Iterable<PendingEvent> {
    yield* this.#lanes.items();
    yield* this.#inFlight.events();
  }

  /** For good: keeps the backlog, and touches nothing any more. */
  #fail(reason: string): void {
    if (this.#life.isOver) return;
    this.#life.fail(reason);
    this.#stop.abort();
    this.#halt();
    // What was settled before counts, if the ledger is still ours.
    void this.#writer.flush(true);
    this.#writer.stop();
    this.#drain?.end();
  }

  #halt(): void {
    this.#reader.stop();
    this.#alarm.close();
    this.#options.turns?.close();
  }
}
