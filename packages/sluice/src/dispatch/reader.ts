import type { ReadLimit, Spool, SpoolRecord } from "../spool/spool.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { PatientReads } from "./patient-reads.ts";

export interface ReaderOptions {
  readonly spool: Pick<Spool, "state">;
  readonly reads: PatientReads;
  readonly ledger: Ledger;
  /** It reads what lies below. */
  readonly until: number;
  /** Gets every record that is not settled yet, in order. */
  accept(record: SpoolRecord): void;
  /** A read has ended. */
  onRead(): void;
  /** A bug. */
  onError(error: unknown): void;
}

/**
 * Reads a partition once, from the ledger's low offset on, one read at a time. Offsets that nobody will ever
 * see again (damaged, or trimmed) are settled as dropped, so that they are counted and hold up nothing.
 */
export class Reader {
  readonly #options: ReaderOptions;
  readonly #stop = new AbortController();
  #isReading = false;
  #position: number;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#position = options.ledger.low;
    const { firstOffset, nextOffset } = options.spool.state;
    this.#drop(Math.min(firstOffset, nextOffset, options.until), "damaged");
  }

  /** The next offset that it will look at. */
  get position(): number {
    return this.#position;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#options.until;
  }

  /** Starts a read, unless one is on its way. */
  read(limit: ReadLimit): void {
    if (this.#isReading || this.isAtEnd || this.#stop.signal.aborted) return;
    this.#isReading = true;
    void this.#readOnce(limit).catch(this.#options.onError);
  }

  /** Goes on at `before`, if it is not there yet. What it has not read by then is dropped; says how many. */
  skip(before: number, reason: string): number {
    return this.#drop(Math.min(before, this.#options.until), reason);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #readOnce(limit: ReadLimit): Promise<void> {
    const records = await this.#options.reads.read(this.#position, limit, this.#stop.signal);
    this.#isReading = false;
    if (this.#stop.signal.aborted) return;
    for (const record of records) this.#take(record);
    this.#options.onRead();
  }

  #take(record: SpoolRecord): void {
    // Skipped while it was being read.
    if (record.offset < this.#position || this.isAtEnd) return;
    this.#drop(Math.min(record.offset, this.#options.until), "damaged");
    if (this.isAtEnd) return;
    this.#position = record.offset + 1;
    if (!this.#options.ledger.isSettled(record.offset)) this.#options.accept(record);
  }

  #drop(before: number, reason: string): number {
    const from = this.#position;
    this.#position = Math.max(from, before);
    return this.#options.ledger.settleRest(from, before, { status: "dropped", reason });
  }
}
