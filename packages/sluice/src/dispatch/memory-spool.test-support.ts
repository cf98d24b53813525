import { textKey } from "../spool/keys.ts";
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
} from "../spool/spool.ts";
import { StoredRecord } from "../spool/stored-record.ts";

/**
 * A spool of one partition in memory that does what a disk can do to one: loses leases, ledgers and records,
 * refuses, and remembers every commit. Where a test needs none of that, `createMemorySpool` is the one.
 */
export class MemorySpool implements Spool {
  readonly layout: Layout = {
    bytesFrom: (_, from) => this.#bytesFrom(from),
    offsetToFree: (_, bytes) => this.#offsetToFree(bytes),
    offsetOf: (_, id) => this.#ids.get(id)?.offset,
  };
  readonly records = new Map<number, SpoolRecord>();
  /** What a crash leaves: the last stored ledger of each route. */
  readonly ledgers = new Map<string, { bytes: Uint8Array; durable: boolean }>();
  readonly commits: { route: string; bytes: Uint8Array; durable: boolean }[] = [];
  /** Set to make appends fail. */
  refusing: AppendOutcome | undefined;
  /** Set to make reads fail. */
  unreadable: Error | undefined;
  trimmedTo = 0;
  #next = 0;
  #epoch = 0;
  readonly #ids = new Map<string, { offset: number; crc: number }>();
  readonly #epochs = new Map<string, { epoch: number; lost: AbortController }>();
  #waiters: (() => void)[] = [];

  get state(): SpoolState {
    const first = Math.min(...this.records.keys(), this.#next);
    const bytes = { bytes: 0, maxBytes: 1e9 };
    return { partitions: 1, firstOffset: first, nextOffset: this.#next, ...bytes, damaged: 0, unsynced: 0 };
  }

  async append(records: readonly NewRecord[]): Promise<readonly AppendOutcome[]> {
    await Promise.resolve();
    const outcomes = records.map((record) => this.refusing ?? this.#appendOne(record));
    this.#wake();
    return outcomes;
  }

  /** Offsets that no reader will ever see. */
  damage(...offsets: readonly number[]): void {
    for (const offset of offsets) this.records.delete(offset);
  }

  async read(
    _: number,
    from: number,
    limit: ReadLimit,
    signal: AbortSignal,
  ): Promise<readonly SpoolRecord[]> {
    while (!signal.aborted) {
      if (this.unreadable) throw this.unreadable;
      const found: SpoolRecord[] = [];
      let bytes = 0;
      for (let offset = from; offset < this.#next && found.length < limit.records; offset++) {
        const record = this.records.get(offset);
        if (!record) continue;
        bytes += record.body.length;
        if (found.length > 0 && bytes > limit.bytes) break;
        found.push(record);
      }
      if (found.length > 0) return found;
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return [];
  }

  async lease(route: string, partition: number): Promise<Lease> {
    this.#epochs.get(route)?.lost.abort();
    const lost = new AbortController();
    const epoch = ++this.#epoch;
    this.#epochs.set(route, { epoch, lost });
    return { route, partition, epoch, ledger: this.ledgers.get(route)?.bytes, lost: lost.signal };
  }

  async commit(lease: Lease, ledger: Uint8Array, durable: boolean): Promise<boolean> {
    if (this.#epochs.get(lease.route)?.epoch !== lease.epoch) return false;
    const bytes = Uint8Array.from(ledger);
    this.ledgers.set(lease.route, { bytes, durable });
    this.commits.push({ route: lease.route, bytes, durable });
    return true;
  }

  async trim(_: number, before: number): Promise<void> {
    for (const offset of this.records.keys()) if (offset < before) this.records.delete(offset);
    this.trimmedTo = Math.max(this.trimmedTo, before);
  }

  async close(): Promise<void> {}

  /** The process dies: every lease is lost, what is stored stays. */
  crash(): void {
    for (const { lost } of this.#epochs.values()) lost.abort();
    this.#epochs.clear();
    this.#wake();
  }

  #bytesFrom(from: number): number {
    let bytes = 0;
    for (const { offset, body } of this.records.values()) if (offset >= from) bytes += body.length;
    return bytes;
  }

  #offsetToFree(bytes: number): number {
    let freed = 0;
    for (const { offset, body } of this.records.values()) {
      if (freed >= bytes) return offset;
      freed += body.length;
    }
    return this.#next;
  }

  #appendOne(record: NewRecord): AppendOutcome {
    const known = this.#ids.get(record.id);
    if (known) {
      return { status: known.crc === record.received.crc ? "duplicate" : "conflict", offset: known.offset };
    }
    const offset = this.#next++;
    this.#ids.set(record.id, { offset, crc: record.received.crc });
    this.records.set(offset, stored(offset, record));
    return { status: "appended", offset };
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

function stored(offset: number, { kindCode, flags, runId, orderKey, body }: NewRecord): SpoolRecord {
  const keyOf = (text: string | undefined) => (text === undefined ? 0 : textKey(text));
  return new StoredRecord(offset, kindCode, flags & ~FLAG_RESERVE, keyOf(runId), keyOf(orderKey), body);
}
