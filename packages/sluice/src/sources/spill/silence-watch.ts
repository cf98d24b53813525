import type { Clock, FileState } from "@sluice/sdk/internal";

/** Ten times what a writer takes to touch its file. */
const SILENCE_MS = 600_000;

/** How long files have not changed, as far as this process has watched them. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { readonly state: string; readonly sinceMs: number }>();

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
    const seen = this.#seen.get(name);
    if (seen?.state === state) return this.#clock.monotonicMs() - seen.sinceMs >= SILENCE_MS;
    this.#seen.set(name, { state, sinceMs: this.#clock.monotonicMs() });
    return false;
  }
}
