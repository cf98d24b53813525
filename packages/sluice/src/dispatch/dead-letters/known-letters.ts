import { type KnownLetter, readKnown } from "./dead-letter.ts";
import { isRetried } from "./stored-letter.ts";

/** Runs whose start is a dead letter. Older ones have long ended. */
const FOLLOWED_RUNS_MAX = 10_000;

/**
 * What a route has to know of its sink's dead letters: which of its events stand there that its ledger has
 * not settled, and whose runs follow their dead starts. The file may also hold letters of earlier routes of
 * the same name, with another place; of these only the number counts.
 */
export class KnownLetters {
  readonly #place: string;
  readonly #fates = new Map<number, number>();
  readonly #followed = new Set<number>();
  #count = 0;

  constructor(place: string) {
    this.#place = place;
  }

  /** Dead events. */
  get count(): number {
    return this.#count;
  }

  /** 1 if it is dead, 0 if it was delivered in a group that stands there, undefined if nothing is known. */
  fateOf(offset: number): number | undefined {
    return this.#fates.get(offset);
  }

  follows(runKey: number): boolean {
    return runKey !== 0 && this.#followed.has(runKey);
  }

  /** So many more are dead, and nobody has to ask for them. */
  add(dead: number): void {
    this.#count += dead;
  }

  follow(runKey: number): void {
    if (runKey === 0) return;
    this.#followed.add(runKey);
    if (this.#followed.size <= FOLLOWED_RUNS_MAX) return;
    for (const oldest of this.#followed) {
      this.#followed.delete(oldest);
      return;
    }
  }

  /** A letter that the file had when it was opened. */
  learn(known: KnownLetter, line: Buffer): void {
    if (known.place !== this.#place) {
      this.#count += known.count;
      return;
    }
    if (known.opensRun) this.follow(known.runKey);
    this.unfollowRetried(line);
    for (const [index, offset] of known.offsets.entries()) {
      // The first `count` of a group stand for its dead: nobody knows which they are, and the sum is what has
      // to be right.
      if (this.#fates.has(offset)) continue;
      const dead = index < known.count ? 1 : 0;
      this.#fates.set(offset, dead);
      this.#count += dead;
    }
  }

  /** A start that was sent again has arrived after all, and the rest of its run can. */
  unfollowRetried(line: Buffer): void {
    if (!isRetried(line)) return;
    const known = readKnown(line.toString("latin1"));
    if (known?.opensRun) this.#followed.delete(known.runKey);
  }

  /** What lies below is settled: nobody asks. */
  forgetBelow(low: number): void {
    for (const offset of this.#fates.keys()) if (offset < low) this.#fates.delete(offset);
  }
}
