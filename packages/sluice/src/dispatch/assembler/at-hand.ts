import type { Event } from "@sluice/sdk";
import type { Spool, SpoolRecord } from "../../spool/spool.ts";
import { readBack } from "./ends.ts";

/**
 * The records that things are made of. Most runs are short: their start is in the same read as their end, and
 * need not be read again.
 */
export class AtHand {
  readonly #spool: Spool;
  readonly #partition: number;
  readonly #signal: AbortSignal;
  #recent = new Map<number, SpoolRecord>();

  constructor(spool: Spool, partition: number, signal: AbortSignal) {
    this.#spool = spool;
    this.#partition = partition;
    this.#signal = signal;
  }

  keep(records: readonly SpoolRecord[]): void {
    this.#recent = new Map(records.map((record) => [record.offset, record]));
  }

  /** Undefined if it is not there any more. @throws NotReadable if the disk fails. */
  async record(offset: number): Promise<SpoolRecord | undefined> {
    return this.#recent.get(offset) ?? (await readBack(this.#spool, this.#partition, offset, this.#signal));
  }

  async event(offset: number | undefined): Promise<Event | undefined> {
    return offset === undefined ? undefined : (await this.record(offset))?.event;
  }
}
