import type { Clock, Timer } from "@sluice/sdk/internal";
import type { Lease, Spool } from "../../spool/spool.ts";
import type { Figures } from "../figures.ts";

export interface LedgerWriterOptions {
  readonly spool: Spool;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly figures: Figures;
  /** The ledger as it is now, and its low offset. */
  encode(): { readonly bytes: Uint8Array; readonly low: number };
  /** The lease is lost: somebody else owns the route. */
  onLost(): void;
  warn(message: string): void;
}

/**
 * Stores a ledger: at most every `commitMs` after a change, and at once where asked; and syncs it within
 * `syncMs`, so that a power cut brings back no more than was delivered since. One commit at a time; what
 * changes during one goes into the next. A commit that the disk refuses is tried again with the next change
 * or flush.
 */
export class LedgerWriter {
  readonly #options: LedgerWriterOptions;
  #timer: Timer | undefined;
  #syncTimer: Timer | undefined;
  #queue: Promise<boolean> = Promise.resolve(true);
  #isDirty = false;
  #isStoredDurably = true;
  #isFailing = false;
  #isStopped = false;
  #durableLow: number;
  #unstored = 0;

  constructor(options: LedgerWriterOptions) {
    this.#options = options;
    this.#durableLow = options.encode().low;
  }

  /** Everything below is settled in a ledger that survives a power cut: it may be trimmed. */
  get durableLow(): number {
    return this.#durableLow;
  }

  /** Events that were settled and do not stand in a stored ledger yet. */
  get unstored(): number {
    return this.#unstored;
  }

  /** The disk would not take the last one. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** @param events how many were settled. */
  changed(events = 0): void {
    this.#isDirty = true;
    this.#unstored += events;
    if (this.#isStopped) return;
    this.#timer ??= this.#options.clock.after(this.#options.figures.commitMs, () => {
      this.#timer = undefined;
      void this.flush(false);
    });
  }

  /** Resolves when everything up to the call is stored, or false if it could not be. */
  flush(isDurable: boolean): Promise<boolean> {
    this.#queue = this.#queue.then(() => this.#commit(isDurable));
    return this.#queue;
  }

  /** No more commits on its own. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#syncTimer?.cancel();
    this.#syncTimer = undefined;
  }

  async #commit(isDurable: boolean): Promise<boolean> {
    if (!this.#isDirty && (!isDurable || this.#isStoredDurably)) return true;
    const { spool, lease, encode, onLost } = this.#options;
    if (lease.lost.aborted) return false;
    const { bytes, low } = encode();
    this.#isDirty = false;
    const storing = this.#unstored;
    try {
      if (!(await spool.commit(lease, bytes, isDurable))) {
        onLost();
        return false;
      }
    } catch (error) {
      this.#complain(error);
      return false;
    }
    this.#isFailing = false;
    this.#unstored -= storing;
    this.#isStoredDurably = isDurable;
    if (isDurable) this.#durableLow = low;
    else this.#syncLater();
    return true;
  }

  #syncLater(): void {
    if (this.#isStopped) return;
    const { clock, figures } = this.#options;
    this.#syncTimer ??= clock.after(figures.syncMs, () => {
      this.#syncTimer = undefined;
      void this.flush(true);
    });
  }

  /** The old ledger stays, which costs duplicates after a crash and nothing else. Said once, tried on. */
  #complain(error: unknown): void {
    this.changed();
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.warn(`The ledger of ${this.#options.lease.route} cannot be stored: ${String(error)}`);
  }
}
