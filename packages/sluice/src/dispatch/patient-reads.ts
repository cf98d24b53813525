import { type Clock, sleep } from "@sluice/sdk/internal";
import type { ReadLimit, Spool, SpoolRecord } from "../spool/spool.ts";
import { waitMs } from "./delivery/backoff.ts";
import type { Figures } from "./figures.ts";

export interface PatientReadsOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly clock: Clock;
  readonly figures: Figures;
  warn(message: string): void;
}

/**
 * Reads of a spool whose disk may refuse. They are tried again for ever, on the schedule of a sink that
 * fails: what lies on the disk is not lost by that, and maybe somebody mends it. Said once, and shown in the
 * health.
 */
export class PatientReads {
  readonly #options: PatientReadsOptions;
  #failures = 0;
  #lastError: string | undefined;

  constructor(options: PatientReadsOptions) {
    this.#options = options;
  }

  /** How often the disk has refused since it last gave anything. */
  get failuresInRow(): number {
    return this.#failures;
  }

  /** What the disk says, while it refuses. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** As `Spool.read`, but it never rejects for what a disk does. */
  async read(from: number, limit: ReadLimit, signal: AbortSignal): Promise<readonly SpoolRecord[]> {
    const { spool, partition, clock, figures } = this.#options;
    while (!signal.aborted) {
      try {
        const records = await spool.read(partition, from, limit, signal);
        this.#failures = 0;
        this.#lastError = undefined;
        return records;
      } catch (error) {
        this.#note(error instanceof Error ? error.message : String(error));
        await sleep(clock, waitMs(this.#failures, figures), signal);
      }
    }
    return [];
  }

  #note(reason: string): void {
    this.#failures++;
    this.#lastError = `the spool cannot be read: ${reason}`;
    if (this.#failures > 1) return;
    this.#options.warn(`The spool cannot be read (${reason}). Nothing is lost by that; it is tried again.`);
  }
}
