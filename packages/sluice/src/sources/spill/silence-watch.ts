import type { Clock, FileState } from "@sluice/sdk/internal";

/** Ten times what a writer takes to touch its file. */
const SILENCE_MS = 600_000;

/**
 * Two looks further apart than this count as this far apart: a daemon that was held up (a frozen container, a
 * file that waited for room) has not seen that the writers were silent meanwhile.
 */
const LOOKS_APART_MS_MAX = 10_000;

/** How long files have not changed, as far as this process has watched them. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { readonly state: string; silentMs: number; lookedAtMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Forgets every file but these. */
  keep(names: readonly string[]): void {
    const kept = new Set(names);
    for (const name of this.#seen.keys()) if (!kept.has(name)) this.#seen.delete(name);
  }

  /** Has the file been the same at every look for ten minutes? */
  isSilent(name: string, { sizeBytes, modifiedAtMs, identity = "" }: FileState): boolean {
    const state = `${identity} ${sizeBytes} ${modifiedAtMs}`;
    const nowMs = this.#clock.monotonicMs();
    const seen = this.#seen.get(name);
    if (seen?.state !== state) {
      this.#seen.set(name, { state, silentMs: 0, lookedAtMs: nowMs });
      return false;
    }
    seen.silentMs += Math.min(nowMs - seen.lookedAtMs, LOOKS_APART_MS_MAX);
    seen.lookedAtMs = nowMs;
    return seen.silentMs >= SILENCE_MS;
  }
}
