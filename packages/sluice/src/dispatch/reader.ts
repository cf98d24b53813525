import type { ReadLimit, Spool, SpoolRecord } from "../spool/spool.ts";
import type { Ledger } from "./ledger/ledger.ts";

export interface ReaderOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly ledger: Ledger;
  /** Gets every record that is not settled yet, in order. */
  accept(record: SpoolRecord): void;
  /** A read has ended. */
  onRead(): void;
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
    this.#dropUpTo(Math.min(options.spool.state.firstOffset, options.spool.state.nextOffset));
  }

  /** The next offset that it will look at. */
  get position(): number {
    return this.#position;
  }

  /** Starts a read, unless one is on its way. */
  read(limit: ReadLimit): void {
    if (this.#isReading || this.#stop.signal.aborted) return;
    this.#isReading = true;
    void this.#readOnce(limit).catch(this.#options.onError);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #readOnce(limit: ReadLimit): Promise<void> {
    const { spool, partition, onRead } = this.#options;
    const records = await spool.read(partition, this.#position, limit, this.#stop.signal);
    this.#isReading = false;
    if (this.#stop.signal.aborted) return;
    for (const record of records) this.#take(record);
    onRead();
  }

  #take(record: SpoolRecord): void {
    this.#dropUpTo(record.offset);
    this.#position = record.offset + 1;
    if (!this.#options.ledger.isSettled(record.offset)) this.#options.accept(record);
  }

  #dropUpTo(end: number): void {
    const { ledger } = this.#options;
    for (let at = this.#position; at < end; ) {
      if (ledger.isSettled(at)) {
        at = Math.max(ledger.low, ledger.settled.endOf(at), at + 1);
        continue;
      }
      const gapEnd = Math.min(end, ledger.settled.nextFrom(at));
      ledger.settle(at, gapEnd, { status: "dropped", reason: "damaged" });
      at = gapEnd;
    }
    this.#position = Math.max(this.#position, end);
  }
}
