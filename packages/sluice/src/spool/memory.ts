import { Dedupe } from "./dedupe.ts";
import { textKey, writeEventKey } from "./keys.ts";
import { Leases } from "./leases.ts";
import {
  type AppendOutcome,
  FLAG_RESERVE,
  type Layout,
  type Lease,
  type NewRecord,
  type ReadLimit,
  type Spool,
  type SpoolRecord,
  type SpoolState,
} from "./spool.ts";
import { StoredRecord } from "./stored-record.ts";
import { Waiting } from "./waiting.ts";

export interface MemorySpoolOptions {
  readonly maxBytes: number;
  /** The part of `maxBytes` that only records with FLAG_RESERVE may use. */
  readonly reserveBytes?: number;
}

/**
 * A spool without a disk: the same promises, but what it holds is gone with the process. For tests, and for
 * embedding where durability is not wanted. What is trimmed is gone at once.
 */
export function createMemorySpool(options: MemorySpoolOptions): Spool {
  return new MemorySpool(options);
}

class MemorySpool implements Spool {
  readonly layout: Layout = {
    bytesFrom: (_partition, from) => this.#bytesFrom(from),
    offsetToFree: (_partition, bytes) => this.#offsetToFree(bytes),
    offsetOf: (_partition, id) => this.#dedupe.offsetOf(id),
  };
  readonly #maxBytes: number;
  readonly #reserveBytes: number;
  readonly #records: StoredRecord[] = [];
  readonly #dedupe = new Dedupe();
  readonly #waiting = new Waiting();
  readonly #leases = new Leases();
  readonly #ledgers = new Map<string, Uint8Array>();
  #firstOffset = 0;
  #bytes = 0;
  #isClosed = false;

  constructor({ maxBytes, reserveBytes = 0 }: MemorySpoolOptions) {
    this.#maxBytes = maxBytes;
    this.#reserveBytes = reserveBytes;
  }

  get state(): SpoolState {
    return {
      partitions: 1,
      firstOffset: this.#firstOffset,
      nextOffset: this.#firstOffset + this.#records.length,
      bytes: this.#bytes,
      maxBytes: this.#maxBytes,
      damaged: 0,
      unsynced: 0,
    };
  }

  async append(records: readonly NewRecord[], signal?: AbortSignal): Promise<readonly AppendOutcome[]> {
    if (this.#isClosed) return records.map(() => ({ status: "failed", reason: "the spool is closed" }));
    if (signal?.aborted) {
      return records.map(() => ({ status: "failed", reason: "the caller gave up before it was stored" }));
    }
    let refusal: AppendOutcome | undefined;
    const outcomes = records.map((record): AppendOutcome => {
      const outcome = this.#append(record, refusal);
      if (outcome.status === "full") refusal = outcome;
      return outcome;
    });
    this.#waiting.wake();
    return outcomes;
  }

  async read(
    _partition: number,
    from: number,
    limit: ReadLimit,
    signal: AbortSignal,
  ): Promise<readonly SpoolRecord[]> {
    while (!signal.aborted && !this.#isClosed) {
      const records = this.#slice(from, limit);
      if (records.length > 0) return records;
      await this.#waiting.wait(signal);
    }
    return [];
  }

  async lease(route: string, partition: number): Promise<Lease> {
    return this.#leases.take(route, partition)(this.#ledgers.get(route));
  }

  async commit(lease: Lease, ledger: Uint8Array, _durable: boolean): Promise<boolean> {
    if (!this.#leases.isHeld(lease)) return false;
    this.#ledgers.set(lease.route, Uint8Array.from(ledger));
    return true;
  }

  async trim(_partition: number, before: number): Promise<void> {
    const count = Math.max(0, Math.min(before - this.#firstOffset, this.#records.length));
    for (const record of this.#records.splice(0, count)) this.#bytes -= record.body.length;
    this.#firstOffset += count;
    this.#dedupe.forgetBelow(this.#firstOffset);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#leases.endAll();
    this.#waiting.wake();
  }

  #bytesFrom(from: number): number {
    let bytes = 0;
    for (const { body } of this.#records.slice(Math.max(0, from - this.#firstOffset))) bytes += body.length;
    return bytes;
  }

  #offsetToFree(bytes: number): number {
    let freed = 0;
    for (const { offset, body } of this.#records) {
      if (freed >= bytes) return offset;
      freed += body.length;
    }
    return this.state.nextOffset;
  }

  #append(record: NewRecord, refusal: AppendOutcome | undefined): AppendOutcome {
    writeEventKey(record.id, this.#dedupe.key, 0);
    const known = this.#dedupe.find();
    if (known >= 0) {
      const isSame = this.#dedupe.crcAt(known) === record.received.crc;
      return { status: isSame ? "duplicate" : "conflict", offset: this.#dedupe.offsetAt(known) };
    }
    const mayUseReserve = (record.flags & FLAG_RESERVE) !== 0;
    if (refusal && !mayUseReserve) return refusal;
    const limit = mayUseReserve ? this.#maxBytes : this.#maxBytes - this.#reserveBytes;
    if (this.#bytes + record.body.length > limit) {
      return {
        status: "full",
        reason: `the spool holds ${this.#bytes} bytes and its limit is ${limit} (max_bytes)`,
      };
    }
    const offset = this.#firstOffset + this.#records.length;
    this.#dedupe.add(record.received.crc, offset);
    this.#records.push(storedFrom(record, offset));
    this.#bytes += record.body.length;
    return { status: "appended", offset };
  }

  #slice(from: number, limit: ReadLimit): StoredRecord[] {
    const taken: StoredRecord[] = [];
    let bytes = 0;
    for (let index = Math.max(0, from - this.#firstOffset); index < this.#records.length; index++) {
      const record = this.#records[index];
      if (!record || taken.length === limit.records) break;
      bytes += record.body.length;
      if (taken.length > 0 && bytes > limit.bytes) break;
      taken.push(record);
    }
    return taken;
  }
}

/** The body is copied: what a caller does with its buffer afterwards must not change what was appended. */
function storedFrom(record: NewRecord, offset: number): StoredRecord {
  const { runId, orderKey } = record;
  return new StoredRecord(
    offset,
    record.kindCode,
    record.flags & ~FLAG_RESERVE,
    runId === undefined ? 0 : textKey(runId),
    orderKey === undefined ? 0 : textKey(orderKey),
    Uint8Array.from(record.body),
  );
}
