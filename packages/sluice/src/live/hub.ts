import { KIND_CODES, matchesKind } from "@sluice/sdk";
import type { Clock } from "@sluice/sdk/internal";

/**
 * The live tee: what passes can be watched, and watching never costs the pipeline anything.
 *
 * One ring holds the newest entries, bounded by count and bytes; every subscriber is a position in it. A
 * subscriber that falls out of the ring finds one gap with the exact number of entries (that it wanted) it
 * did not get, then goes on. So a viewer may miss events and always knows how many. `publish` does not wait,
 * parse or throw. Nothing is kept while nobody watches, nor later than a minute after the last viewer left:
 * that minute is for viewers who reconnect.
 *
 * `seq` numbers entries of this process without gaps; `after` resumes behind one.
 */
export interface Hub {
  /** Shows records to whoever is watching. The bodies are copied: the caller may reuse them. */
  publish(records: readonly LiveRecord[]): void;
  /** What is published from now on, or from behind `after`. Ends when the signal aborts or the hub closes. */
  subscribe(options: SubscribeOptions): AsyncIterable<LiveItem>;
  /** How many watch now. */
  readonly subscribers: number;
  /** Entries that a subscriber wanted and did not get, ever. */
  readonly missed: number;
  /** The seq of the newest entry; 0 before the first. */
  readonly seq: number;
  /** Ends every subscription. Idempotent. */
  close(): void;
}

/** A record of the spool will do. */
export interface LiveRecord {
  readonly kindCode: number;
  readonly runId?: string;
  readonly body: Uint8Array;
}

export interface SubscribeOptions {
  /** Resume behind this seq. */
  readonly after?: number;
  /** Only these kinds. `run.*` stands for all that begin with "run.". */
  readonly kinds?: readonly string[];
  /** Only this run. */
  readonly runId?: string;
  readonly signal: AbortSignal;
}

export type LiveItem =
  /** `json` is the event, on one line. */
  | { readonly type: "event"; readonly seq: number; readonly json: string }
  /** `missed` entries before the one after `seq` are not coming. */
  | { readonly type: "gap"; readonly seq: number; readonly missed: number };

export interface HubLimits {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * A second of heavy traffic, and no more memory than one large event: a viewer who needs all of it reads a
 * sink.
 */
const HUB_LIMITS: HubLimits = { entries: 1_000, bytes: 1024 * 1024 };

/** How long the ring is kept for a viewer who lost the connection. */
const KEEP_AFTER_LAST_VIEWER_MS = 60_000;

export function createHub(clock: Clock, limits: HubLimits = HUB_LIMITS): Hub {
  return new RingHub(clock, limits);
}

class RingHub implements Hub {
  readonly #clock: Clock;
  readonly #limits: HubLimits;
  readonly #subscriptions = new Set<Subscription>();
  /** Entries `#firstSeq` … `seq`, oldest first; a too large one is there without its body. */
  #entries: Entry[] = [];
  #bytes = 0;
  #keepUntilMs = 0;
  #isClosed = false;
  seq = 0;
  missed = 0;

  constructor(clock: Clock, limits: HubLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get subscribers(): number {
    return this.#subscriptions.size;
  }

  publish(records: readonly LiveRecord[]): void {
    const isWatched = this.#subscriptions.size > 0;
    if (!isWatched && this.#clock.monotonicMs() >= this.#keepUntilMs) {
      this.seq += records.length;
      this.#entries = [];
      this.#bytes = 0;
      return;
    }
    for (const record of records) this.#add(new Entry(++this.seq, record, this.#limits.bytes));
    for (const subscription of this.#subscriptions) subscription.wake();
  }

  async *subscribe(options: SubscribeOptions): AsyncGenerator<LiveItem> {
    if (this.#isClosed || options.signal.aborted) return;
    const subscription = new Subscription(options, this.seq);
    this.#subscriptions.add(subscription);
    this.#countWhatIsGone(subscription);
    const wake = () => subscription.wake();
    options.signal.addEventListener("abort", wake, { once: true });
    try {
      while (!this.#isClosed && !options.signal.aborted) {
        const item = this.#next(subscription);
        if (item) yield item;
        else await subscription.sleep();
      }
    } finally {
      options.signal.removeEventListener("abort", wake);
      this.#subscriptions.delete(subscription);
      this.#keepUntilMs = this.#clock.monotonicMs() + KEEP_AFTER_LAST_VIEWER_MS;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const subscription of this.#subscriptions) subscription.wake();
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.sizeBytes;
    let evicted = 0;
    while (this.#entries.length - evicted > this.#limits.entries || this.#bytes > this.#limits.bytes) {
      const oldest = this.#entries[evicted];
      if (!oldest) break;
      evicted++;
      this.#bytes -= oldest.sizeBytes;
      for (const subscription of this.#subscriptions) this.#missed(subscription, oldest);
    }
    if (evicted > 0) this.#entries.splice(0, evicted);
  }

  /** An entry leaves the ring, and this subscriber had not read it. */
  #missed(subscription: Subscription, entry: Entry): void {
    if (entry.seq <= subscription.readSeq) return;
    subscription.readSeq = entry.seq;
    if (!subscription.wants(entry)) return;
    subscription.missed++;
    this.missed++;
  }

  /** Someone resumes at a place that has left the ring. What was there is unknown, so all of it counts. */
  #countWhatIsGone(subscription: Subscription): void {
    const firstSeq = this.#entries[0]?.seq ?? this.seq + 1;
    const gone = firstSeq - 1 - subscription.readSeq;
    if (gone <= 0) return;
    subscription.readSeq = firstSeq - 1;
    subscription.missed += gone;
    this.missed += gone;
  }

  #next(subscription: Subscription): LiveItem | undefined {
    if (subscription.missed > 0) {
      const gap: LiveItem = { type: "gap", seq: subscription.readSeq, missed: subscription.missed };
      subscription.missed = 0;
      return gap;
    }
    const firstSeq = this.#entries[0]?.seq ?? this.seq + 1;
    while (subscription.readSeq < this.seq) {
      const entry = this.#entries[subscription.readSeq + 1 - firstSeq];
      if (!entry) return undefined;
      subscription.readSeq = entry.seq;
      if (!subscription.wants(entry)) continue;
      return { type: "event", seq: entry.seq, json: entry.json() };
    }
    return undefined;
  }
}

const KIND_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(KIND_CODES).map(([name, code]) => [code, name]),
);

class Entry {
  readonly seq: number;
  readonly sizeBytes: number;
  readonly runId: string | undefined;
  readonly #kindCode: number;
  readonly #body: Buffer;
  #json: string | undefined;

  constructor(seq: number, record: LiveRecord, sizeBytesMax: number) {
    this.seq = seq;
    this.runId = record.runId;
    this.#kindCode = record.kindCode;
    // A slice would pin the whole request body it was cut from, for as long as it stands in the ring. One
    // that can never fit is kept as size only: it pushes everything out, itself included, and shows as a gap.
    this.#body = record.body.length > sizeBytesMax ? Buffer.alloc(0) : Buffer.from(record.body);
    this.sizeBytes = record.body.length;
  }

  /**
   * Decoded once for all viewers. Line breaks between JSON tokens become spaces, so that it is one line of
   * SSE or NDJSON.
   */
  json(): string {
    this.#json ??= this.#body.toString("utf8").replace(/[\r\n]+/g, " ");
    return this.#json;
  }

  kind(): string {
    return KIND_NAMES.get(this.#kindCode) ?? customKind(this.json());
  }
}

function customKind(json: string): string {
  try {
    const event: unknown = JSON.parse(json);
    if (typeof event === "object" && event !== null && "kind" in event) return String(event.kind);
  } catch {
    // Too large for the ring, so without a body: it has no kind that could match.
  }
  return "";
}

class Subscription {
  readonly #options: SubscribeOptions;
  #wake: (() => void) | undefined;
  readSeq: number;
  missed = 0;

  constructor(options: SubscribeOptions, seq: number) {
    this.#options = options;
    this.readSeq = Math.min(options.after ?? seq, seq);
  }

  wants(entry: Entry): boolean {
    const { kinds, runId } = this.#options;
    if (runId !== undefined && entry.runId !== runId) return false;
    if (kinds === undefined || kinds.length === 0) return true;
    const kind = entry.kind();
    return kinds.some((wanted) => matchesKind(kind, wanted));
  }

  sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
