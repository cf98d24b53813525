import type { Policy } from "./policy.ts";

/**
 * A piece of text of a block, or an event that nothing joins. Its text is its own and ends in a semicolon.
 */
export interface Item {
  readonly type: "TextDelta" | "Mark";
  readonly data: { readonly text: string; readonly index: number } | { readonly mark: string };
}

interface NaiveSubscriber {
  seq: number;
  parked: number;
  isOpen: boolean;
  /** The text of an event, `2-4 ` before that of a joined one, `gap 5-9`, or `end`. */
  readonly told: string[];
}

/**
 * What a stream promises, written down without regard for cost: everything accepted is kept, and every
 * question is answered by going through it. The only thing that it does not know is when, within a turn of
 * the event loop, those who wait to send are let in: `settle` lets in whom there is room for.
 */
export class NaiveStream {
  readonly accepted: Item[] = [];
  readonly subscribers: NaiveSubscriber[] = [];
  readonly outcomes = new Map<number, string>();
  dropped = 0;
  policy: Policy;
  isClosed = false;
  readonly #capacity: number;
  readonly #maxBytes: number;
  #waiting: { readonly id: number; readonly item: Item }[] = [];
  readonly #sends: number[] = [];
  #first = 1;

  constructor(policy: Policy, capacity: number, maxBytes: number) {
    this.policy = policy;
    this.#capacity = capacity;
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.accepted.length - Math.max(this.#floor(), this.#first - 1);
  }

  trySend(id: number, item: Item): void {
    if (this.isClosed || this.#waiting.length > 0) return;
    if (this.#accept(item)) this.outcomes.set(id, "sent");
    else if (this.policy === "drop-newest") this.dropped++;
  }

  send(id: number, item: Item): void {
    this.#sends.push(id);
    this.trySend(id, item);
    if (this.outcomes.has(id)) return;
    if (this.isClosed) this.outcomes.set(id, "closed");
    else if (this.policy === "drop-newest") this.outcomes.set(id, "full");
    else this.#waiting.push({ id, item });
  }

  /** The signal of the send that was called as the `which`th. */
  abort(which: number): void {
    const aborted = this.#waiting.find(({ id }) => id === this.#sends[which]);
    if (aborted !== undefined) this.outcomes.set(aborted.id, "aborted");
    this.#waiting = this.#waiting.filter((sender) => sender !== aborted);
  }

  subscribe(from: number | "oldest" | "newest" | undefined): void {
    const newest = this.accepted.length;
    const start = from ?? (this.subscribers.length === 0 ? "oldest" : "newest");
    const seq =
      start === "oldest" ? 0 : start === "newest" ? newest : Math.min(Math.max(start - 1, 0), newest);
    this.subscribers.push({ seq, parked: 0, isOpen: true, told: [] });
  }

  read(index: number): void {
    const subscriber = this.subscribers[index];
    if (subscriber === undefined) return;
    subscriber.parked++;
    this.#serve(subscriber);
  }

  leave(index: number): void {
    const subscriber = this.subscribers[index];
    if (subscriber === undefined) return;
    subscriber.isOpen = false;
    this.#serve(subscriber);
  }

  close(): void {
    this.isClosed = true;
    this.#refuse("closed");
    for (const subscriber of this.subscribers) this.#serve(subscriber);
  }

  setPolicy(policy: Policy): void {
    this.policy = policy;
    this.settle();
    if (policy !== "drop-newest") return;
    this.dropped += this.#waiting.length;
    this.#refuse("full");
  }

  settle(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#accept(next.item);
      next = this.#waiting[0]
    ) {
      this.outcomes.set(next.id, "sent");
      this.#waiting.shift();
    }
  }

  #accept(item: Item): boolean {
    for (let retained = this.#retained(); retained.length > 0; retained = this.#retained()) {
      const fits = sum([...retained, item].map(weight)) <= this.#maxBytes;
      if (fits && retained.length < this.#capacity) break;
      const isFirstDue = this.subscribers.length === 0;
      const owed = this.subscribers.filter(({ seq, isOpen }) => isOpen && seq < this.#first).length;
      if (owed > 0 || isFirstDue) {
        if (this.policy === "block" || this.policy === "drop-newest") return false;
        if (this.policy === "coalesce" && fits) break;
        this.dropped += isFirstDue ? 1 : owed;
      }
      this.#first++;
    }
    this.accepted.push(item);
    for (const subscriber of this.subscribers) this.#serve(subscriber);
    return true;
  }

  #serve(subscriber: NaiveSubscriber): void {
    for (; subscriber.parked > 0; subscriber.parked--) {
      const next = this.#next(subscriber);
      if (next === undefined) return;
      subscriber.told.push(next.told);
      subscriber.seq = next.to;
    }
  }

  #next({ seq, isOpen }: NaiveSubscriber): { readonly told: string; readonly to: number } | undefined {
    const isOver = !isOpen || (this.isClosed && seq === this.accepted.length);
    if (isOver) return { told: "end", to: seq };
    const first = this.accepted[seq];
    if (first === undefined) return undefined;
    if (seq + 1 < this.#first) return { told: `gap ${seq + 1}-${this.#first - 1}`, to: this.#first - 1 };
    let to = seq + 1;
    while (this.policy === "coalesce" && isSameBlock(first, this.accepted[to])) to++;
    const text = this.accepted.slice(seq, to).map(textOf).join("");
    return { told: to === seq + 1 ? text : `${seq + 1}-${to} ${text}`, to };
  }

  #retained(): readonly Item[] {
    return this.accepted.slice(this.#first - 1);
  }

  #floor(): number {
    if (this.subscribers.length === 0) return 0;
    return Math.min(
      this.accepted.length,
      ...this.subscribers.filter((one) => one.isOpen).map(({ seq }) => seq),
    );
  }

  #refuse(outcome: string): void {
    for (const { id } of this.#waiting) this.outcomes.set(id, outcome);
    this.#waiting = [];
  }
}

export function textOf({ data }: Item): string {
  return "text" in data ? data.text : data.mark;
}

function isSameBlock(one: Item, other: Item | undefined): boolean {
  if (other === undefined || !("text" in one.data) || !("text" in other.data)) return false;
  return one.data.index === other.data.index;
}

function weight(item: Item): number {
  return 128 + textOf(item).length;
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
