import type { Clock } from "@sluice/sdk/internal";
import type { NewRecord, Spool } from "../spool/spool.ts";
import type { BacklogLimit } from "./backlog.ts";
import { Seldom } from "./seldom.ts";

/** A sink's route, running or idle, as far as its backlog goes. */
export interface Backlogged {
  readonly name: string;
  readonly limit: BacklogLimit;
  readonly backlogBytes: number;
  dropOldest(before: number): number;
}

export interface BacklogsOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly routes: () => readonly Backlogged[];
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

/** What of an append may go on. */
export interface Admitted {
  /** The first so many records. */
  readonly count: number;
  /** Why the others may not. */
  readonly refusal: { readonly status: "full"; readonly reason: string } | undefined;
  /** To be called when they are stored, or are not. */
  done(): void;
}

/** A record's header, beside its body. */
const RECORD_OVERHEAD_BYTES = 64;
/** Less room than a usual event takes is none; once something was refused, less than a large one takes. */
const ROOM_BYTES = 4 * 1024;
const ROOM_AGAIN_BYTES = 64 * 1024;

/**
 * The sinks' own limits, before anything is appended: a sink that drops its oldest makes room for what comes,
 * one that blocks refuses it. An empty backlog takes one event of any size. What others of the data dir
 * append (the ends of runs that were left open) is not held up, and counts.
 */
export class Backlogs {
  readonly #options: BacklogsOptions;
  readonly #seldom: Seldom;
  /** Who was the reason when something was refused last. */
  #refusing: Backlogged | undefined;
  /** Admitted, and not stored yet. */
  #comingBytes = 0;

  constructor(options: BacklogsOptions) {
    this.#options = options;
    this.#seldom = new Seldom(options.clock, options.warn);
  }

  /** Why new events are refused right now, if they are. */
  get refusing(): string | undefined {
    for (const route of this.#options.routes()) {
      const { maxBytes, whenFull } = route.limit;
      if (maxBytes === undefined || whenFull === "drop_oldest") continue;
      const bytes = route.backlogBytes;
      const roomBytes = Math.min(route === this.#refusing ? ROOM_AGAIN_BYTES : ROOM_BYTES, maxBytes / 16);
      if (bytes > 0 && bytes + roomBytes > maxBytes) return sentence(route);
      if (route === this.#refusing) this.#refusing = undefined;
    }
    return undefined;
  }

  admit(records: readonly NewRecord[]): Admitted {
    const sizes = records.map(({ body }) => body.length + RECORD_OVERHEAD_BYTES);
    const wantedBytes = sizes.reduce((sum, size) => sum + size, 0);
    let roomBytes = Number.POSITIVE_INFINITY;
    let tightest: Backlogged | undefined;
    for (const route of this.#options.routes()) {
      const { maxBytes, whenFull } = route.limit;
      if (maxBytes === undefined) continue;
      const usedBytes = route.backlogBytes + this.#comingBytes;
      if (whenFull === "drop_oldest") {
        if (usedBytes + wantedBytes > maxBytes)
          this.#dropToFit(route, maxBytes - wantedBytes - this.#comingBytes);
        continue;
      }
      const leftBytes = usedBytes > 0 ? maxBytes - usedBytes : Math.max(maxBytes, sizes[0] ?? 0);
      if (leftBytes >= roomBytes) continue;
      roomBytes = leftBytes;
      tightest = route;
    }
    const { count, bytes } = fitting(sizes, roomBytes);
    this.#comingBytes += bytes;
    const isRefused = count < records.length && tightest;
    if (isRefused) this.#refusing = tightest;
    return {
      count,
      refusal: isRefused ? { status: "full", reason: sentence(isRefused) } : undefined,
      done: () => {
        this.#comingBytes -= bytes;
        this.#dropExcess();
      },
    };
  }

  /** What came at once may be more than a limit, whatever was dropped before it. */
  #dropExcess(): void {
    for (const route of this.#options.routes()) {
      const { maxBytes, whenFull } = route.limit;
      if (maxBytes === undefined || whenFull === "block") continue;
      if (route.backlogBytes > maxBytes) this.#dropToFit(route, maxBytes);
    }
  }

  /** Drops what the sinks that allow it have not settled below `before`. */
  dropBelow(before: number): void {
    for (const route of this.#options.routes()) {
      if (route.limit.whenFull === "drop_oldest") this.#drop(route, before);
    }
  }

  /** Drops a sink's oldest until what is left takes at most `bytes`. */
  #dropToFit(route: Backlogged, bytes: number): void {
    const { spool, partition } = this.#options;
    const { firstOffset, nextOffset } = spool.state;
    let low = firstOffset;
    let high = nextOffset;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (spool.layout.bytesFrom(partition, middle) <= Math.max(0, bytes)) high = middle;
      else low = middle + 1;
    }
    this.#drop(route, low);
  }

  #drop(route: Backlogged, before: number): void {
    const events = route.dropOldest(before);
    if (events === 0) return;
    this.#seldom.count(
      route.name,
      events,
      (sum) =>
        `The backlog of "${route.name}" is full: ${sum} of its oldest events were dropped (backlog_full).`,
    );
  }
}

function fitting(sizes: readonly number[], room: number): { count: number; bytes: number } {
  let bytes = 0;
  let count = 0;
  for (const size of sizes) {
    if (bytes + size > room) break;
    bytes += size;
    count++;
  }
  return { count, bytes };
}

function sentence({ name, backlogBytes, limit }: Backlogged): string {
  return `the sink "${name}" has ${backlogBytes} bytes waiting and its limit is ${limit.maxBytes} (backlog.max_bytes)`;
}
