import type { Event } from "@sluice/sdk";
import { isPiece } from "@sluice/sdk/internal";
import {
  type AppendOutcome,
  FLAG_ASSEMBLED,
  FLAG_PARTIAL,
  FLAG_RESERVE,
  FLAG_UNBOUND,
  type NewRecord,
  type Spool,
} from "../../spool/spool.ts";
import type { AtHand } from "./at-hand.ts";
import { encodeMade } from "./encode-made.ts";
import { appendLateEnd, NotReadable } from "./ends.ts";
import { copyOf, type Parked, type Parking } from "./parking.ts";

interface BinderOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly parking: Parking;
  readonly atHand: AtHand;
  readonly signal: AbortSignal;
}

/** What is made before it is appended. */
const APPEND_BYTES_MAX = 2 * 1024 * 1024;
const APPEND_RECORDS_MAX = 1_024;

interface Copy {
  readonly parked: Parked;
  readonly event: Event;
}

/** Appends what parked events become, in their order. */
export class Binder {
  readonly #options: BinderOptions;
  /** The spool had no room for a copy, so that the reserve is used until all of them are in. */
  #isTight = false;

  constructor(options: BinderOptions) {
    this.#options = options;
  }

  /** Gives back those that are to be tried again, from the first that was refused. */
  async append(
    all: readonly Parked[],
  ): Promise<{ readonly refused: readonly Parked[]; readonly reason?: string }> {
    const { signal } = this.#options;
    for (let at = 0; at < all.length; ) {
      try {
        const { copies, next } = await this.#some(all, at);
        if (signal.aborted) return { refused: all.slice(at) };
        const refusal = await this.#appendCopies(copies);
        if (refusal) return { refused: all.slice(all.indexOf(refusal.parked)), reason: refusal.reason };
        at = next;
      } catch (error) {
        if (error instanceof NotReadable) return { refused: all.slice(at), reason: error.message };
        throw error;
      }
    }
    this.#isTight = false;
    return { refused: [] };
  }

  async #some(all: readonly Parked[], from: number): Promise<{ copies: Copy[]; next: number }> {
    const { parking, atHand, signal } = this.#options;
    const copies: Copy[] = [];
    let next = from;
    const countMax = this.#isTight ? 1 : APPEND_RECORDS_MAX;
    for (let bytes = 0; next < all.length && copies.length < countMax && bytes < APPEND_BYTES_MAX; ) {
      const parked = all[next];
      const record = parked && (await atHand.record(parked.offset));
      if (!parked || signal.aborted) break;
      next++;
      // Damaged or gone: nothing can be made of it, and it must not stop the others.
      if (!record) parking.settle(parked, "not_a_piece");
      else copies.push({ parked, event: copyOf(record.event, parked) });
      bytes += record?.body.length ?? 0;
    }
    return { copies, next };
  }

  /**
   * The first that was refused. The spool refuses all that follow in a call then, which keeps their order.
   * Where the reserve may be used it does not, because a smaller record may fit in: there they go one by one.
   */
  async #appendCopies(
    copies: readonly Copy[],
  ): Promise<{ readonly parked: Parked; readonly reason: string } | undefined> {
    const { spool, parking, signal } = this.#options;
    if (copies.length === 0) return undefined;
    const outcomes = await spool.append(
      copies.map(({ event }) => this.#encode(event)),
      signal,
    );
    for (const [index, { parked, event }] of copies.entries()) {
      const outcome = await this.#admitted(event, outcomes[index]);
      if (!outcome || "reason" in outcome) {
        this.#isTight ||= outcome?.status === "full";
        return { parked, reason: outcome?.reason ?? "refused" };
      }
      parking.settle(parked, outcome.status === "conflict" && isEnd(event) ? "ended" : "used");
    }
    return undefined;
  }

  /** A complete end may have come, or been closed, while this one was waiting. */
  async #admitted(event: Event, outcome: AppendOutcome | undefined): Promise<AppendOutcome | undefined> {
    const { spool, partition, signal } = this.#options;
    if (outcome?.status !== "conflict" || !isEnd(event)) return outcome;
    return appendLateEnd(spool, partition, event, outcome.offset, signal);
  }

  #encode(event: Event): NewRecord {
    const partial = isPiece(event) ? FLAG_PARTIAL : 0;
    const reserve = this.#isTight ? FLAG_RESERVE : 0;
    return encodeMade(event, FLAG_ASSEMBLED | FLAG_UNBOUND | partial | reserve);
  }
}

function isEnd(event: Event): boolean {
  return event.kind === "run.ended" && !isPiece(event);
}
