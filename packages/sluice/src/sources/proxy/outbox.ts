import { type AppendOutcome, type NewRecord, REFUSAL_CODES } from "../../spool/spool.ts";
import type { Intake } from "../intake.ts";
import { Unfinished } from "./unfinished.ts";

/** Counts what was lost to capture: `n` events, for one stable reason. Nothing else happens to them. */
export type OnUncaptured = (reason: string, n: number) => void;

/**
 * Events that may wait for the spool. A disk that hangs longer than this lasts costs events, never memory and
 * never calls.
 */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Hands records to the intake, and waits for it so that no call has to. What is pushed in one turn goes in
 * one append, in the order pushed. What the intake refuses is counted: a call does not come twice, so there
 * is nothing to retry.
 */
export class Outbox {
  readonly #intake: Intake;
  readonly #onUncaptured: OnUncaptured;
  #next: NewRecord[] = [];
  #nextBytes = 0;
  #waitingBytes = 0;
  readonly #appends = new Unfinished();

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
    this.#appends.begin();
    const answered = () => {
      this.#waitingBytes -= bytes;
      this.#appends.end();
    };
    // The intake reports failures as outcomes; if it throws it is broken, and its own stage says so.
    const broken = () => {
      this.#onUncaptured("spool_failed", records.length);
      answered();
    };
    try {
      this.#intake.append(records).then((outcomes) => {
        for (const outcome of outcomes) this.#count(outcome);
        answered();
      }, broken);
    } catch {
      broken();
    }
  }

  /** Resolves when everything that was pushed before has been answered for. */
  settled(): Promise<void> {
    this.flush();
    return this.#appends.none();
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
      case "failed":
      case "slow":
        this.#onUncaptured(REFUSAL_CODES[outcome.status], 1);
        return;
    }
  }
}
