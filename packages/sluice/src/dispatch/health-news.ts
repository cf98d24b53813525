import type { Health } from "./health.ts";
import type { RouteObserver } from "./observer.ts";
import type { RouteHealth } from "./route.ts";

/** Tells how a route is when it starts, and then each time that its health gets another name. */
export class HealthNews {
  readonly #observer: RouteObserver;
  #told: Health["name"] | undefined;

  constructor(observer: RouteObserver) {
    this.#observer = observer;
  }

  /** After everything that may have changed it. */
  look(now: RouteHealth): void {
    const was = this.#told;
    if (now.health.name === was) return;
    this.#told = now.health.name;
    this.#observer.onHealth(now, was);
  }
}
