import type { Clock } from "@sluice/sdk/internal";

/** Long enough to see past a burst and a segment that was freed, short enough to be news. */
const WINDOW_MS = 10 * 60_000;
/** Before that nothing can be said. */
const WINDOW_MS_MIN = 30_000;
const LOOKS_APART_MS = 5_000;
/** Farther ahead is no forecast. */
const AHEAD_MS_MAX = 30 * 24 * 3_600_000;

/** How fast the spool fills, from looks at it that are some seconds apart. */
export class FillRate {
  readonly #clock: Clock;
  readonly #looks: { readonly atMs: number; readonly bytes: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When it is full, at the rate of the last ten minutes; undefined while it is not filling. */
  fullInMs({ bytes, maxBytes }: { readonly bytes: number; readonly maxBytes: number }): number | undefined {
    const atMs = this.#clock.monotonicMs();
    const newest = this.#looks.at(-1);
    if (!newest || atMs - newest.atMs >= LOOKS_APART_MS) this.#looks.push({ atMs, bytes });
    while (this.#looks.length > 1 && atMs - (this.#looks[0]?.atMs ?? atMs) > WINDOW_MS) this.#looks.shift();
    const [oldest] = this.#looks;
    if (!oldest || atMs - oldest.atMs < WINDOW_MS_MIN || bytes <= oldest.bytes) return undefined;
    const perMs = (bytes - oldest.bytes) / (atMs - oldest.atMs);
    const fullInMs = Math.max(0, maxBytes - bytes) / perMs;
    return fullInMs > AHEAD_MS_MAX ? undefined : Math.round(fullInMs);
  }
}
