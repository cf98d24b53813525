import type { Clock } from "@sluice/sdk/internal";
import type { DeadLetter } from "../dead-letters/dead-letter.ts";
import type { DeadLetters } from "../dead-letters/dead-letters.ts";
import { PendingEvent } from "../delivery/pending-event.ts";
import type { AtHand } from "./at-hand.ts";
import { NotReadable } from "./ends.ts";
import type { Parked, Parking } from "./parking.ts";

interface BurialOptions {
  readonly letters: DeadLetters;
  readonly parking: Parking;
  readonly atHand: AtHand;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const LETTERS_AT_ONCE = 32;
const WORDS = "No event of its session with a trace came in time.";

/**
 * Makes dead letters of parked events, in their order. As everywhere, a letter is on the disk before the
 * books have its event; one that a kill has left in between is known by its offset when the log is folded
 * again, whatever has become of its event there.
 */
export class Burial {
  readonly #options: BurialOptions;

  constructor(options: BurialOptions) {
    this.#options = options;
  }

  /** Settles those that are dead letters since an earlier life, and gives back the others. */
  others(parked: readonly Parked[]): readonly Parked[] {
    const { letters, parking } = this.#options;
    return parked.filter((each) => {
      if (letters.countFor(each.offset) === undefined) return true;
      parking.settle(each, "buried");
      return false;
    });
  }

  /** Gives back those that are to be tried again, from the first that could not be written. */
  async append(
    all: readonly Parked[],
  ): Promise<{ readonly refused: readonly Parked[]; readonly reason?: string }> {
    for (let at = 0; at < all.length; at += LETTERS_AT_ONCE) {
      if (this.#options.signal.aborted) return { refused: all.slice(at) };
      const reason = await this.#bury(all.slice(at, at + LETTERS_AT_ONCE));
      if (reason !== undefined) return { refused: all.slice(at), reason };
    }
    return { refused: [] };
  }

  /** Why it could not be done now. */
  async #bury(some: readonly Parked[]): Promise<string | undefined> {
    const { letters, parking } = this.#options;
    const found = new Map<Parked, DeadLetter>();
    try {
      for (const parked of some) {
        const letter = await this.#letterOf(parked);
        if (letter) found.set(parked, letter);
        else parking.settle(parked, "not_a_piece");
      }
    } catch (error) {
      if (error instanceof NotReadable) return error.message;
      throw error;
    }
    if (found.size === 0) return undefined;
    const written = await letters.append([...found.values()]);
    if (written === "failed") return "dead letters cannot be written";
    for (const parked of found.keys())
      parking.settle(parked, written === "written" ? "buried" : "letters_full");
    return undefined;
  }

  /** Undefined for what is damaged or gone. */
  async #letterOf({ offset }: Parked): Promise<DeadLetter | undefined> {
    const { atHand, clock } = this.#options;
    const record = await atHand.record(offset);
    if (!record) return undefined;
    const item = new PendingEvent(record, 0, clock.monotonicMs());
    return { items: [item], dead: 1, reason: "unbound", words: WORDS };
  }
}
