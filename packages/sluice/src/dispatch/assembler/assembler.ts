import type { Clock, Timer } from "@sluice/sdk/internal";
import type { Lease, ReadLimit, Spool } from "../../spool/spool.ts";
import { NO_LIMIT } from "../backlog.ts";
import type { DeadLetters } from "../dead-letters/dead-letters.ts";
import { DEFAULT_FIGURES, type Figures } from "../figures.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { encodeLedger } from "../ledger/ledger-codec.ts";
import { LedgerWriter } from "../ledger/ledger-writer.ts";
import { takeLedger } from "../ledger/take-ledger.ts";
import type { RouteObserver } from "../observer.ts";
import { PatientReads } from "../patient-reads.ts";
import type { RouteStatus } from "../route.ts";
import { ASSEMBLER_NAME, AssemblerLife } from "./assembler-life.ts";
import { AtHand } from "./at-hand.ts";
import { Binder } from "./binder.ts";
import { Builder } from "./builder.ts";
import { Burial } from "./burial.ts";
import { Debt, MADE_BYTES_MORE } from "./debt.ts";
import { Fold, type Task } from "./fold.ts";
import { FoldBooks } from "./fold-books.ts";
import { type Binding, DEFAULT_BINDING, type Parked, Parking } from "./parking.ts";

/**
 * The built-in route whose sink is the spool. It reads every record, joins the runs that nobody will end in
 * one piece, closes those that nobody will end at all, and appends the complete records; and it binds events
 * of the bus that came too early to their trace. What a run is waiting for stands in fold.ts, what those
 * events are waiting for in parking.ts.
 *
 * Its ledger stands at the oldest record that an open run needs, or that is parked. After a restart it folds
 * the log from there to the tail that it found at open, its own records included, and appends nothing before
 * it gets there; then what is still missing, and nothing else. That it dies between an append and its ledger
 * is harmless: the same end has the same id.
 */
export interface Assembler {
  readonly status: RouteStatus;
  /** Everything below is of no use to any open run, durably: it may be trimmed. */
  readonly lowOffset: number;
  /** Runs whose end is not known yet. */
  readonly openRuns: number;
  /** The room in the spool that it may need for what is there already. */
  readonly owedBytes: number;
  sync(): Promise<boolean>;
  /**
   * Closes the open runs that need a record below `before` as incomplete{evicted}, and lets go of what is
   * parked there, so that it can be removed. Soon, not at once.
   */
  evict(before: number): void;
  /** Stops reading, finishes or gives up what it is appending, stores the ledger durably. Idempotent. */
  close(): Promise<void>;
}

export interface AssemblerOptions {
  readonly spool: Spool;
  readonly partition?: number;
  /** From boot.ts; the writer of this process's own runs. */
  readonly bootId: string;
  /** From routes.json. */
  readonly place: string;
  readonly firstOffset: number;
  readonly runTimeoutMs?: number;
  readonly binding?: Binding;
  /** With the ledger's low offset. */
  openDeadLetters(low: number): Promise<DeadLetters>;
  readonly figures?: Partial<Figures>;
  readonly observer: RouteObserver;
  readonly clock: Clock;
}

/** An hour without a sign of life is no LLM call that anybody still waits for. */
const RUN_TIMEOUT_MS = 3_600_000;
/** Time for clients that were cut off by our restart to come back with their ends. */
const QUIET_AFTER_START_MS = 300_000;
const SWEEP_MS = 60_000;
/**
 * If the tail that was found at open cannot be read (damaged), recovery is over when nothing has come for
 * this long.
 */
const RECOVERY_STALL_MS = 2_000;
const READ: ReadLimit = { records: 512, bytes: 4 * 1024 * 1024 };

export async function openAssembler(options: AssemblerOptions): Promise<Assembler> {
  const { lease, ledger } = await takeLedger(options.spool, { ...options, name: ASSEMBLER_NAME });
  const letters = await options.openDeadLetters(ledger.low);
  const assembler = new SpoolAssembler(options, lease, ledger, letters);
  assembler.start();
  return assembler;
}

/** Gives back what was refused, and the last reason. */
type Append<Item> = (
  items: readonly Item[],
) => Promise<{ readonly refused: readonly Item[]; readonly reason?: string }>;

class SpoolAssembler implements Assembler {
  readonly #options: AssemblerOptions;
  readonly #lease: Lease;
  readonly #ledger: Ledger;
  readonly #books: FoldBooks;
  readonly #binding: Binding;
  readonly #parking: Parking;
  readonly #fold: Fold;
  readonly #debt = new Debt();
  readonly #atHand: AtHand;
  readonly #builder: Builder;
  readonly #binder: Binder;
  readonly #burial: Burial;
  readonly #letters: DeadLetters;
  readonly #reads: PatientReads;
  readonly #writer: LedgerWriter;
  readonly #life: AssemblerLife;
  readonly #stop = new AbortController();
  readonly #tail: number;
  readonly #openedAtMs: number;
  #sweep: Timer | undefined;
  #isSweepDue = false;
  #evictBefore = 0;
  #interrupt = new AbortController();
  #isRecovered = false;
  #running: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(options: AssemblerOptions, lease: Lease, ledger: Ledger, letters: DeadLetters) {
    const { spool, partition = 0, place, clock, bootId, observer } = options;
    this.#options = options;
    const figures = { ...DEFAULT_FIGURES, ...options.figures };
    this.#lease = lease;
    this.#ledger = ledger;
    this.#tail = spool.state.nextOffset;
    this.#openedAtMs = clock.monotonicMs();
    this.#books = new FoldBooks(ledger);
    this.#binding = options.binding ?? DEFAULT_BINDING;
    this.#parking = new Parking(this.#books, this.#binding.withinMs);
    this.#fold = new Fold({
      ...{ books: this.#books, parking: this.#parking, bootId },
      offsetOf: (id) => spool.layout.offsetOf(partition, id),
    });
    const { signal } = this.#stop;
    this.#atHand = new AtHand(spool, partition, signal);
    const parts = { spool, partition, atHand: this.#atHand, signal };
    this.#builder = new Builder({ ...parts, clock, fold: this.#fold, books: this.#books });
    this.#binder = new Binder({ ...parts, parking: this.#parking });
    this.#burial = new Burial({ ...parts, clock, parking: this.#parking, letters });
    this.#letters = letters;
    this.#reads = new PatientReads({ spool, partition, clock, figures, warn: observer.warn });
    this.#life = new AssemblerLife({ clock, figures, observer, reads: this.#reads });
    this.#writer = new LedgerWriter({
      spool,
      lease,
      clock,
      figures,
      encode: () => ({ bytes: encodeLedger(ledger, place), low: ledger.low }),
      onLost: () => this.#fail("another process took over the assembler"),
      warn: observer.warn,
    });
  }

  get status(): RouteStatus {
    const { spool, partition = 0 } = this.#options;
    const { nextOffset } = spool.state;
    return {
      ...this.#life.health,
      type: ASSEMBLER_NAME,
      state: this.#life.state,
      balance: this.#ledger.balance(nextOffset),
      backlog: { bytes: spool.layout.bytesFrom(partition, this.#ledger.low), ...NO_LIMIT },
      lag: Math.max(0, nextOffset - this.#books.next),
      inFlight: 0,
    };
  }

  get lowOffset(): number {
    return this.#writer.durableLow;
  }

  get openRuns(): number {
    return this.#fold.openRuns;
  }

  get owedBytes(): number {
    const { spool, partition = 0 } = this.#options;
    const { next } = this.#books;
    // Of what is not read yet nobody knows what it is.
    const unread = spool.state.nextOffset - next;
    const unreadBytes = unread > 0 ? spool.layout.bytesFrom(partition, next) + unread * MADE_BYTES_MORE : 0;
    return this.#debt.from(this.#ledger.low) + unreadBytes;
  }

  sync(): Promise<boolean> {
    return this.#writer.flush(true);
  }

  evict(before: number): void {
    this.#evictBefore = Math.max(this.#evictBefore, before);
    this.#interrupt.abort();
  }

  start(): void {
    const lost = () => this.#fail("another process took over the assembler");
    this.#lease.lost.addEventListener("abort", lost, { once: true });
    if (this.#lease.lost.aborted) lost();
    this.#armSweep();
    this.#running = this.#run().catch((error) =>
      this.#fail(error instanceof Error ? error.message : String(error)),
    );
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#halt();
    await this.#running;
    await this.#writer.flush(true);
    this.#writer.stop();
    await this.#letters.close();
    this.#life.close();
  }

  /** One thing at a time: read, fold, append, enter in the books. */
  async #run(): Promise<void> {
    if (this.#books.next >= this.#tail) await this.#recovered();
    while (!this.#stop.signal.aborted) {
      const read = await this.#read();
      if (!read) continue;
      const nowMs = this.#options.clock.monotonicMs();
      for (const record of read) {
        this.#debt.note(record);
        this.#fold.take(record, nowMs);
      }
      this.#atHand.keep(read);
      const isReadable = this.#reads.failuresInRow === 0;
      const isStalled = read.length === 0 && isReadable && !this.#isSweepDue && this.#evictBefore === 0;
      if (!this.#isRecovered && (this.#books.next >= this.#tail || isStalled)) await this.#recovered();
      else if (this.#isRecovered) await this.#performNew();
      if (this.#evictBefore > 0) await this.#performEvictions();
      if (this.#isSweepDue) await this.#performSweep();
      this.#advance();
    }
  }

  #advance(): void {
    if (this.#books.advance()) this.#writer.changed();
  }

  async #recovered(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#isRecovered = true;
    await this.#performNew();
    await this.#buildAll(this.#fold.dead());
  }

  /** What the records that were read last call for. */
  async #performNew(): Promise<void> {
    await this.#bind(this.#parking.bound());
    await this.#expire(this.#parking.expired(this.#options.clock.monotonicMs()));
    await this.#build(this.#fold.tasks());
  }

  async #expire(parked: readonly Parked[]): Promise<void> {
    if (this.#binding.unbound === "deliver") return this.#bind(parked);
    return this.#perform(this.#burial.others(parked), (left) => this.#burial.append(left));
  }

  /**
   * Waits for records; ends without any when a sweep is due, when a parked event has waited long enough, or
   * when recovery waits for a tail that is not there. Undefined if the disk failed, after a pause.
   */
  async #read(): ReturnType<Spool["read"]> {
    const { clock } = this.#options;
    this.#interrupt = new AbortController();
    if (this.#isSweepDue || this.#evictBefore > 0 || this.#stop.signal.aborted) return [];
    const waitMs = this.#isRecovered ? this.#parking.waitMs(clock.monotonicMs()) : RECOVERY_STALL_MS;
    const wake = waitMs === undefined ? undefined : clock.after(waitMs, () => this.#interrupt.abort());
    try {
      return await this.#reads.read(this.#books.next, READ, this.#interrupt.signal);
    } finally {
      wake?.cancel();
    }
  }

  async #performEvictions(): Promise<void> {
    const before = this.#evictBefore;
    this.#evictBefore = 0;
    // Before the tail is reached nobody knows which runs are open. Whoever needs the space asks again.
    if (!this.#isRecovered) return;
    await this.#expire(this.#parking.below(before));
    await this.#buildAll(this.#fold.pinning(before));
  }

  async #performSweep(): Promise<void> {
    this.#isSweepDue = false;
    const { clock, runTimeoutMs = RUN_TIMEOUT_MS } = this.#options;
    const nowMs = clock.monotonicMs();
    if (!this.#isRecovered || nowMs - this.#openedAtMs < QUIET_AFTER_START_MS) return;
    await this.#buildAll(this.#fold.overdue(nowMs - runTimeoutMs));
  }

  #bind(parked: readonly Parked[]): Promise<void> {
    return this.#perform(this.#burial.others(parked), (left) => this.#binder.append(left));
  }

  async #buildAll(parts: Iterable<readonly Task[]>): Promise<void> {
    for (const tasks of parts) {
      await this.#build(tasks);
      if (this.#stop.signal.aborted) return;
    }
  }

  #build(tasks: readonly Task[]): Promise<void> {
    return this.#perform(tasks, (left) => this.#builder.append(left));
  }

  /** Appends until everything is in the spool. Meanwhile nothing is read, so nothing can pile up. */
  async #perform<Item>(items: readonly Item[], append: Append<Item>): Promise<void> {
    let left = items;
    for (let failures = 0; left.length > 0 && !this.#stop.signal.aborted; ) {
      const { refused, reason } = await append(left);
      left = refused;
      if (left.length === 0) break;
      // What the others have settled may be just the room that these need.
      this.#advance();
      await this.#life.wait(++failures, reason, this.#stop.signal);
    }
    this.#life.goOn();
  }

  #armSweep(): void {
    this.#sweep = this.#options.clock.after(SWEEP_MS, () => {
      this.#isSweepDue = true;
      this.#interrupt.abort();
      this.#armSweep();
    });
  }

  #fail(reason: string): void {
    if (!this.#life.fail(reason)) return;
    this.#halt();
    void this.#writer.flush(true);
    this.#writer.stop();
  }

  #halt(): void {
    this.#stop.abort();
    this.#interrupt.abort();
    this.#sweep?.cancel();
  }
}
