import { Fifo } from "./fifo.ts";
import type { Key, PendingEvent } from "./pending-event.ts";

/**
 * Which event may go next. Every unsettled event that the route has read is in exactly one place:
 *
 *   ready     read, in spool order; nobody holds it up
 *   returned  was in a batch that did not settle it, or was parked and is free again; goes before `ready`
 *   parked    its key is held by a batch or by a waiting event, behind which it stands
 *   waiting   failed on its own; has a time to be tried again, and holds its key until then
 *   on its way, in a batch that `take` handed out and `finish` has not given back; the batch holds its keys
 *
 * A key is held by at most one batch or waiting group, so no event overtakes another of its key. Three facts
 * keep the order within a key: events are parked in the order in which `take` meets them, never on arrival,
 * so what is parked is older than what is ready; what is returned is older than what is parked; and
 * `returned` is sorted by offset. Key 0 is no key: such events are never parked, and wait each for itself.
 */
export class Lanes {
  readonly #ready = new Fifo<PendingEvent>();
  #returned: PendingEvent[] = [];
  readonly #held = new Map<Key, PendingEvent[]>();
  readonly #groups = new Set<Group>();
  #earliestMs = Number.POSITIVE_INFINITY;
  #readyBytes = 0;
  #parked = 0;
  #waiting = 0;
  readonly #onStanding: (item: PendingEvent) => void;

  /** `onStanding` is told of each event that is going to stay for long: it is parked or waits. */
  constructor(onStanding: (item: PendingEvent) => void = () => {}) {
    this.#onStanding = onStanding;
  }

  /** Events that `take` might hand out; some may turn out to be held up. */
  get ready(): number {
    return this.#ready.length + this.#returned.length;
  }

  get readyBytes(): number {
    return this.#readyBytes;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get parked(): number {
    return this.#parked;
  }

  /** When the next waiting group is due; infinity if none waits. */
  get nextDueMs(): number {
    return this.#earliestMs;
  }

  /** When the oldest of the ready events was read; undefined if there is none. */
  get oldestReadAtMs(): number | undefined {
    return (this.#returned[0] ?? this.#ready.peek())?.readAtMs;
  }

  offer(item: PendingEvent): void {
    this.#ready.push(item);
    this.#readyBytes += item.sizeBytes;
  }

  /** Takes in an event that was waiting before a restart. If its key is held it only stands in line. */
  offerWaiting(item: PendingEvent, dueMs: number): void {
    if (this.#held.has(item.key)) {
      this.offer(item);
      return;
    }
    if (item.key !== 0) this.#held.set(item.key, []);
    this.#groups.add({ items: [item], key: item.key, dueMs });
    this.#waiting++;
    this.#earliestMs = Math.min(this.#earliestMs, dueMs);
  }

  /**
   * The next batch, in spool order, within both limits (one event may be larger than `bytes`); empty if all
   * that is ready is held up. It holds its keys until `finish`.
   */
  take(events: number, bytes: number): PendingEvent[] {
    const batch: PendingEvent[] = [];
    const mine = new Set<Key>();
    let bytesLeft = bytes;
    while (batch.length < events) {
      const next = this.#returned[0] ?? this.#ready.peek();
      if (!next) break;
      if (next.key !== 0 && this.#held.has(next.key) && !mine.has(next.key)) {
        this.#held.get(next.key)?.push(this.#shift(next));
        this.#onStanding(next);
        this.#parked++;
        continue;
      }
      if (batch.length > 0 && (next.isAlone || next.sizeBytes > bytesLeft)) break;
      batch.push(this.#shift(next));
      bytesLeft -= next.sizeBytes;
      if (next.key !== 0 && !mine.has(next.key)) {
        mine.add(next.key);
        this.#held.set(next.key, []);
      }
      if (next.isAlone) break;
    }
    return inOrder(batch);
  }

  /**
   * Gives a batch back: `rest` may go again at once, `waits` when it is due, all others of the batch are
   * settled.
   */
  finish(batch: readonly PendingEvent[], rest: readonly PendingEvent[], waits: readonly Wait[]): void {
    const groups = new Map<Key, PendingEvent[]>();
    const wait = (item: PendingEvent, dueMs: number) => {
      const items = [item];
      if (item.key !== 0) groups.set(item.key, items);
      this.#groups.add({ items, key: item.key, dueMs });
      this.#earliestMs = Math.min(this.#earliestMs, dueMs);
    };
    for (const { item, dueMs } of waits) {
      const group = groups.get(item.key);
      if (group) group.push(item);
      else wait(item, dueMs);
      this.#waiting++;
      this.#onStanding(item);
    }
    const free: PendingEvent[] = [];
    for (const item of rest) {
      // Behind an event that waits, the others of its key wait with it.
      const group = groups.get(item.key);
      if (group) {
        this.#waiting++;
        this.#onStanding(item);
      }
      (group ?? free).push(item);
    }
    for (const items of groups.values()) inOrder(items);
    for (const { key } of batch) if (!groups.has(key)) this.#release(key, free);
    this.#giveBack(free);
  }

  /** Makes the groups ready that are due by `nowMs`. True if any was. */
  wakeDue(nowMs: number): boolean {
    if (nowMs < this.#earliestMs) return false;
    const free: PendingEvent[] = [];
    for (const group of this.#groups) {
      if (group.dueMs > nowMs) continue;
      this.#groups.delete(group);
      this.#waiting -= group.items.length;
      free.push(...group.items);
      this.#release(group.key, free);
    }
    this.#giveBack(free);
    this.#findEarliest();
    return true;
  }

  /** Takes every event below `before` that is in no batch out of its place, for good; in spool order. */
  drop(before: number): readonly PendingEvent[] {
    const dropped: PendingEvent[] = [];
    const keep = (items: readonly PendingEvent[]) =>
      items.filter((item) => item.offset >= before || !dropped.push(item));
    this.#returned = keep(this.#returned);
    for (let next = this.#ready.peek(); next && next.offset < before; next = this.#ready.peek()) {
      dropped.push(next);
      this.#ready.shift();
    }
    for (const item of dropped) this.#readyBytes -= item.sizeBytes;
    for (const [key, parked] of this.#held) {
      const kept = keep(parked);
      this.#parked -= parked.length - kept.length;
      if (kept.length < parked.length) this.#held.set(key, kept);
    }
    this.#dropWaiting(keep);
    return inOrder(dropped);
  }

  #dropWaiting(keep: (items: readonly PendingEvent[]) => PendingEvent[]): void {
    const free: PendingEvent[] = [];
    for (const group of this.#groups) {
      const kept = keep(group.items);
      if (kept.length === group.items.length) continue;
      this.#waiting -= group.items.length - kept.length;
      this.#groups.delete(group);
      if (kept.length > 0) this.#groups.add({ ...group, items: kept });
      else this.#release(group.key, free);
    }
    this.#giveBack(free);
    this.#findEarliest();
  }

  /** Every event that was read and is in no batch. */
  *items(): Iterable<PendingEvent> {
    yield* this.#returned;
    yield* this.#ready;
    for (const parked of this.#held.values()) yield* parked;
    for (const group of this.#groups) yield* group.items;
  }

  #shift(item: PendingEvent): PendingEvent {
    if (this.#returned[0] === item) this.#returned.shift();
    else this.#ready.shift();
    this.#readyBytes -= item.sizeBytes;
    return item;
  }

  #release(key: Key, into: PendingEvent[]): void {
    const parked = key === 0 ? undefined : this.#held.get(key);
    if (!parked) return;
    this.#held.delete(key);
    this.#parked -= parked.length;
    for (const item of parked) into.push(item);
  }

  #giveBack(items: readonly PendingEvent[]): void {
    if (items.length === 0) return;
    for (const item of items) this.#readyBytes += item.sizeBytes;
    this.#returned = inOrder(this.#returned.concat(items));
  }

  #findEarliest(): void {
    this.#earliestMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#groups) this.#earliestMs = Math.min(this.#earliestMs, dueMs);
  }
}

export interface Wait {
  readonly item: PendingEvent;
  /** Monotonic. */
  readonly dueMs: number;
}

/** Events of one key that wait together; without a key, one event. */
interface Group {
  readonly items: PendingEvent[];
  readonly key: Key;
  readonly dueMs: number;
}

const byOffset = (a: PendingEvent, b: PendingEvent) => a.offset - b.offset;

/** Sorts in place, unless it is in order already, as it nearly always is. */
function inOrder(items: PendingEvent[]): PendingEvent[] {
  for (let index = 1; index < items.length; index++) {
    if ((items[index - 1]?.offset ?? 0) > (items[index]?.offset ?? 0)) return items.sort(byOffset);
  }
  return items;
}
