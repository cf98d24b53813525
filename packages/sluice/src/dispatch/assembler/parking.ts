import type { Event } from "@sluice/sdk";
import { busPlace, deriveId, endId, isComplete } from "@sluice/sdk/internal";
import { FLAG_ASSEMBLED, FLAG_BINDS, FLAG_UNBOUND, type SpoolRecord } from "../../spool/spool.ts";
import type { Fate, FoldBooks } from "./fold-books.ts";

/** An event of the bus that came without a trace: where it lies, never its body. */
export interface Parked {
  readonly offset: number;
  /** The id of what will be made of it. */
  readonly copyId: string;
  readonly place: string;
  readonly sinceMs: number;
  /** Once it is known. */
  traceId?: string;
}

/** What becomes of events of the bus that come without a trace. */
export interface Binding {
  /** How long they wait for one. */
  readonly withinMs: number;
  /** What becomes of them then: they are delivered without one, or are dead letters. */
  readonly unbound: "deliver" | "dead_letter";
}

/** A bus that names traces at all does so within the first steps of a session. */
export const DEFAULT_BINDING: Binding = { withinMs: 60_000, unbound: "deliver" };

/** Five megabytes of memory. Of more the oldest wait no longer. */
const PARKED_MAX = 16_384;

/**
 * What the log says about events of the bus that came before their trace was known. For each of them:
 *
 *   parked ──the next event of its session that has a trace──▶ bound ──copy in the log──▶ released
 *   parked ──too old, too many, or in the way of eviction──▶ unbound ──copy in the log, or a dead
 *       letter──▶ released
 *
 * Only what stands behind an event in the log binds it, so that reading the log again gives the same: no
 * earlier trace of the session is remembered. Whichever copy is made, with the trace or without, has the one
 * id that is derived from the event; whatever happens in between, one of them is stored, once. A copy goes
 * through the fold as any event does: that is how a start and a piece that were parked become a run.
 */
export class Parking {
  readonly #books: FoldBooks;
  /** By the id of the copy; oldest first. */
  readonly #parked = new Map<string, Parked>();
  readonly #waiting = new Map<string, Set<Parked>>();
  readonly #bound = new Set<Parked>();

  readonly #withinMs: number;

  constructor(books: FoldBooks, withinMs: number) {
    this.#books = books;
    this.#withinMs = withinMs;
  }

  /** True if the record waits here now, and is nothing to the fold. */
  take(record: SpoolRecord, nowMs: number): boolean {
    switch (record.flags & (FLAG_UNBOUND | FLAG_ASSEMBLED | FLAG_BINDS)) {
      case FLAG_UNBOUND:
        return this.#park(record, nowMs);
      case FLAG_UNBOUND | FLAG_ASSEMBLED:
        if (this.#parked.size > 0) this.#release(record);
        return false;
      case FLAG_BINDS:
        if (this.#waiting.size > 0) this.#bind(record);
        return false;
      default:
        return false;
    }
  }

  /** Those whose trace is known, in order. They are there until they are settled. */
  bound(): readonly Parked[] {
    return [...this.#bound];
  }

  /** Those without a trace that have waited long enough, or are too many, oldest first. */
  expired(nowMs: number): readonly Parked[] {
    let surplus = this.#parked.size - this.#bound.size - PARKED_MAX;
    return this.#oldest(({ sinceMs }) => surplus-- > 0 || nowMs - sinceMs >= this.#withinMs);
  }

  /** Those without a trace below an offset, oldest first. */
  below(before: number): readonly Parked[] {
    return this.#oldest(({ offset }) => offset < before);
  }

  /** How long the oldest without a trace has still to wait; undefined if there is none. */
  waitMs(nowMs: number): number | undefined {
    for (const { sinceMs, traceId } of this.#parked.values()) {
      if (traceId === undefined) return Math.max(0, sinceMs + this.#withinMs - nowMs);
    }
    return undefined;
  }

  settle(parked: Parked, fate: Exclude<Fate, "pending">): void {
    if (!this.#parked.delete(parked.copyId)) return;
    this.#bound.delete(parked);
    const waiting = this.#waiting.get(parked.place);
    waiting?.delete(parked);
    if (waiting?.size === 0) this.#waiting.delete(parked.place);
    this.#books.settle(parked.offset, fate);
  }

  #park(record: SpoolRecord, sinceMs: number): boolean {
    const event = readable(record);
    if (!event?.session) return false;
    const copyId = copyIdOf(event);
    if (this.#parked.has(copyId)) return false;
    const place = busPlace(event.session);
    const parked: Parked = { offset: record.offset, copyId, place, sinceMs };
    this.#parked.set(copyId, parked);
    const waiting = this.#waiting.get(place);
    if (waiting) waiting.add(parked);
    else this.#waiting.set(place, new Set([parked]));
    return true;
  }

  #bind(record: SpoolRecord): void {
    const { session, traceId } = readable(record) ?? {};
    if (!session || traceId === undefined) return;
    const place = busPlace(session);
    for (const parked of this.#waiting.get(place) ?? []) {
      parked.traceId = traceId;
      this.#bound.add(parked);
    }
    this.#waiting.delete(place);
  }

  #release(record: SpoolRecord): void {
    const parked = this.#parked.get(readable(record)?.id ?? "");
    if (parked) this.settle(parked, "used");
  }

  #oldest(isMeant: (parked: Parked) => boolean): readonly Parked[] {
    const found: Parked[] = [];
    for (const parked of this.#parked.values()) {
      if (parked.traceId !== undefined) continue;
      if (!isMeant(parked)) break;
      found.push(parked);
    }
    return found;
  }
}

/** The event as every sink will get it, with its trace or, if that never came, without. */
export function copyOf(event: Event, { copyId, traceId }: Parked): Event {
  return { ...event, id: copyId, ...(traceId !== undefined && { traceId }) };
}

/** The complete end of a run has one id, whoever writes it. */
export function copyIdOf(event: Event): string {
  const isEnd = isComplete(event) && event.runId !== undefined;
  return isEnd && event.runId !== undefined ? endId(event.runId) : deriveId(event.id, "bound");
}

/** What is no event is left to nobody: it was never one that a sink could have got. */
function readable(record: SpoolRecord): Event | undefined {
  try {
    return record.event;
  } catch {
    return undefined;
  }
}
