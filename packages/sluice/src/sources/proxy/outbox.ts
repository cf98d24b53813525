import type { AppendOutcome, NewRecord } from "../../spool/spool.ts";
import type { Intake } from "../intake.ts";

/** Counts what was lost to capture: `n` events, for one stable reason. Nothing else happens to them. */
export type OnUncaptured = (reason: string, n: number) => void;

/** Events that may wait for the spool. A disk that hangs longer than this lasts costs events, never memory and never calls. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Hands records to the intake, and waits for it so that no call has to. What is pushed in one turn goes in one append, in the
 * order pushed. What the intake refuses is counted: a call does not come twice, so there is nothing to retry.
 */
export class Outbox {
  readonly #intake: Intake;
  readonly #onUncaptured: OnUncaptured;
  #next: NewRecord[] = [];
  #nextBytes = 0;
  #waitingBytes = 0;
  #appends = new Set<Promise<void>>();

  constructor(intake: Intake, onUncaptured: OnUncaptured) {
    this.#intake = intake;
    this.#onUncaptured = onUncaptured;
  }

  push(records: readonly NewRecord[]): void {
    let bytes = 0;
    for (const record of records) bytes += record.body.length;
    if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) {
      this.#onUncaptured("memory", records.length);
      return;
    }
    this.#waitingBytes += bytes;
    this.#nextBytes += bytes;
    this.#next.push(...records);
  }

  /** Starts the append of what was pushed. Returns at once. */
  flush(): void {
    if (this.#next.length === 0) return;
    const records = this.#next;
    const bytes = this.#nextBytes;
    this.#next = [];
    this.#nextBytes = 0;
    const append = this.#append(records, bytes);
    this.#appends.add(append);
    append.finally(() => this.#appends.delete(append));
  }

  /** Resolves when everything that was pushed before has been answered for. */
  async settled(): Promise<void> {
    this.flush();
    while (this.#appends.size > 0) await Promise.all(this.#appends);
  }

  async #append(records: readonly NewRecord[], bytes: number): Promise<void> {
    try {
      for (const outcome of await this.#intake.append(records)) this.#count(outcome);
    } catch {
      // The intake reports failures as outcomes; if it throws it is broken, and its own stage says so.
      this.#onUncaptured("spool_failed", records.length);
    }
    this.#waitingBytes -= bytes;
  }

  #count(outcome: AppendOutcome): void {
    switch (outcome.status) {
      case "appended":
      case "duplicate":
        return;
      case "conflict":
        this.#onUncaptured("conflict", 1);
        return;
      case "full":
        this.#onUncaptured("spool_full", 1);
        return;
      case "failed":
        this.#onUncaptured("spool_failed", 1);
        return;
    }
  }
}
