import type { Clock } from "@sluice/sdk/internal";
import type { Delivery } from "../sinks/delivery.ts";
import { waitMs } from "./delivery/backoff.ts";
import type { Figures } from "./figures.ts";

/**
 * The life of a route. `RouteLife` holds the only variable of this type; every arrow is one of its methods.
 *
 *   running    Up to `inFlight` batches are on their way. Events that failed on their own wait beside it,
 *              with their keys.
 *   waiting    A whole series failed and no other batch got through meanwhile, or the backend said when to
 *              come back. Nothing new is sent until `untilMs` (wall clock, for people; the route counts by
 *              the monotonic one). Batches that were already on their way finish. Reading ahead goes on until
 *              the read-ahead is full.
 *   probing    One event is on its way, and tells whether the backend is well. Nothing else is sent. One
 *              that the sink skips tells nothing, and the next is taken.
 *   paused     The backend blocks us (key, URL, certificate): nothing changes until somebody mends it. One
 *              real event a minute tries. Everything is kept.
 *   failed     A bug: a sink threw, an assertion failed, or the ledger's lease is lost. Everything is kept.
 *              For good.
 *   draining   Nothing newer than the moment of the call is read; what was accepted before goes out without
 *              waiting for company, while the sink takes it and the caller's patience lasts.
 *   closed     Nothing is on its way, nothing is held, the ledger is durable.
 *
 *     running ──a series failed, no other succeeded, or Retry-After──▶ waiting
 *     waiting ──the time has come and an event is there; wake()──▶ probing
 *     probing ──any answer but the next two──▶ running
 *     probing ──it failed too──▶ waiting, twice as long   (the next probe takes another event)
 *     running, waiting, probing ──blocked──▶ paused
 *     paused ──60 s; wake()──▶ probing
 *     any of these ──a bug──▶ failed
 *     any of these ──drain()──▶ draining ──close()──▶ closed
 */
export type RouteState =
  | { readonly name: "running" }
  | { readonly name: "waiting"; readonly untilMs: number; readonly attempt: number; readonly reason: string }
  | { readonly name: "probing" }
  | { readonly name: "paused"; readonly reason: string; readonly sinceMs: number }
  | { readonly name: "failed"; readonly reason: string; readonly sinceMs: number }
  | { readonly name: "draining" }
  | { readonly name: "closed" };

/** Why a batch came back because of the sink and not because of an event. */
export type Setback = Extract<Delivery, { status: "retry" | "blocked" }>;

export class RouteLife {
  readonly #clock: Clock;
  readonly #figures: Figures;
  readonly #onChange: (state: RouteState) => void;
  #state: RouteState = { name: "running" };
  /** Monotonic. */
  #probeAtMs = Number.POSITIVE_INFINITY;
  /** Times in a row that the route had to wait. */
  #waits = 0;

  constructor(clock: Clock, figures: Figures, onChange: (state: RouteState) => void) {
    this.#clock = clock;
    this.#figures = figures;
    this.#onChange = onChange;
  }

  get state(): RouteState {
    return this.#state;
  }

  /** Failed or closed: nothing happens any more. */
  get isOver(): boolean {
    return this.#state.name === "failed" || this.#state.name === "closed";
  }

  /** When a waiting or paused route probes (monotonic); infinity in every other state. */
  get probeAtMs(): number {
    return this.#state.name === "waiting" || this.#state.name === "paused"
      ? this.#probeAtMs
      : Number.POSITIVE_INFINITY;
  }

  wake(): void {
    this.#probeAtMs = Number.NEGATIVE_INFINITY;
  }

  probe(): void {
    this.#enter({ name: "probing" });
  }

  /** A batch or a probe got through. */
  succeed(): void {
    this.#waits = 0;
    if (this.#state.name === "probing") this.#enter({ name: "running" });
  }

  setBack(setback: Setback): void {
    switch (this.#state.name) {
      case "running":
      case "probing":
        if (setback.status === "blocked") this.#pause(setback.reason);
        else this.#wait(setback, 0);
        return;
      case "waiting":
        // Several batches fail together when a backend goes down: one failure of the route, not four. Only a
        // longer wait that the backend itself asks for counts.
        if (setback.status === "blocked") this.#pause(setback.reason);
        else if (setback.retryAfterMs !== undefined) this.#wait(setback, this.#probeAtMs);
        return;
      case "paused":
      case "draining":
      case "failed":
      case "closed":
        return;
    }
  }

  fail(reason: string): void {
    this.#enter({ name: "failed", reason, sinceMs: this.#clock.nowMs() });
  }

  drain(): void {
    this.#enter({ name: "draining" });
  }

  close(): void {
    this.#enter({ name: "closed" });
  }

  #pause(reason: string): void {
    this.#probeAtMs = this.#clock.monotonicMs() + this.#figures.pausedProbeMs;
    this.#enter({ name: "paused", reason, sinceMs: this.#clock.nowMs() });
  }

  #wait({ reason, retryAfterMs }: Setback & { readonly retryAfterMs?: number }, notBeforeMs: number): void {
    if (this.#state.name !== "waiting") this.#waits++;
    const nowMs = this.#clock.monotonicMs();
    this.#probeAtMs = Math.max(notBeforeMs, nowMs + waitMs(this.#waits, this.#figures, retryAfterMs));
    const untilMs = this.#clock.nowMs() + this.#probeAtMs - nowMs;
    this.#enter({ name: "waiting", untilMs, attempt: this.#waits, reason });
  }

  #enter(state: RouteState): void {
    const isNews = state.name !== this.#state.name;
    this.#state = state;
    if (isNews) this.#onChange(state);
  }
}
