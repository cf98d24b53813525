import { type Clock, sleep } from "@sluice/sdk/internal";
import { waitMs } from "../delivery/backoff.ts";
import type { Figures } from "../figures.ts";
import { healthOf } from "../health.ts";
import { HealthNews } from "../health-news.ts";
import type { RouteObserver } from "../observer.ts";
import type { PatientReads } from "../patient-reads.ts";
import type { RouteHealth } from "../route.ts";
import type { RouteState } from "../route-state.ts";

export const ASSEMBLER_NAME = "assembler";

interface AssemblerLifeOptions {
  readonly clock: Clock;
  readonly figures: Figures;
  readonly observer: RouteObserver;
  readonly reads: PatientReads;
}

/**
 * The state of the assembler, of the states that a route has: it runs, waits for the spool to take what it
 * has made, has failed for good, or is closed.
 */
export class AssemblerLife {
  readonly #options: AssemblerLifeOptions;
  readonly #news: HealthNews;
  #state: RouteState = { name: "running" };
  #refusal: string | undefined;

  constructor(options: AssemblerLifeOptions) {
    this.#options = options;
    this.#news = new HealthNews(options.observer);
  }

  get state(): RouteState {
    return this.#state;
  }

  get health(): RouteHealth {
    const { reads, figures } = this.#options;
    const state = this.#state;
    const failures = state.name === "waiting" ? state.attempt : reads.failuresInRow;
    const lastError = reads.lastError ?? this.#refusal;
    return {
      route: ASSEMBLER_NAME,
      sink: ASSEMBLER_NAME,
      health: healthOf(state, failures, figures.unavailableAfter),
      ...(lastError !== undefined && { lastError }),
      ...(state.name === "waiting" && { waitUntilMs: state.untilMs }),
    };
  }

  /** The spool did not take something, so many times in a row: resolves when it is worth another try. */
  async wait(failures: number, reason = "refused", signal: AbortSignal): Promise<void> {
    const { clock, figures } = this.#options;
    const delayMs = waitMs(failures, figures);
    this.#refusal = reason;
    this.#enter({ name: "waiting", untilMs: clock.nowMs() + delayMs, attempt: failures, reason });
    await sleep(clock, delayMs, signal);
  }

  /** It has taken everything. */
  goOn(): void {
    if (this.#state.name !== "waiting") return;
    this.#refusal = undefined;
    this.#enter({ name: "running" });
  }

  /** False if it is over already. */
  fail(reason: string): boolean {
    if (this.#state.name === "failed" || this.#state.name === "closed") return false;
    this.#enter({ name: "failed", reason, sinceMs: this.#options.clock.nowMs() });
    return true;
  }

  close(): void {
    this.#enter({ name: "closed" });
  }

  #enter(state: RouteState): void {
    const isNews = state.name !== this.#state.name;
    this.#state = state;
    if (isNews) this.#news.look(this.health);
  }
}
