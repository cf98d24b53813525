/** Whether a batch of one route may leave, where several share a sink. */
export interface Turns {
  mayLeave(): boolean;
  left(): void;
  /** What the route could do now. "held": the sink takes nothing, or somebody finds out whether it does. */
  now(state: "idle" | "due" | "held"): void;
  /** Calls when its turn may have come. */
  onTurn(action: () => void): void;
  /** The route is over. */
  close(): void;
}

/** Of so many batches one may be a replay's while events of the day wait. */
const LIVE_SHARE = 3;

/**
 * A sink's live route and the replays to it. Live events go first: a replay's batch leaves while nothing live
 * is due, and else after every third live one. While the sink is down or paused only the live route tries it.
 */
export class LiveFirst {
  #live: "idle" | "due" | "held" = "idle";
  #sent = 0;
  readonly #waiting = new Set<() => void>();

  readonly live: Turns = {
    mayLeave: () => true,
    left: () => {
      if (++this.#sent >= LIVE_SHARE) this.#wake();
    },
    now: (state) => {
      const wasIdle = this.#live === "idle";
      this.#live = state;
      if (state === "idle" && !wasIdle) this.#wake();
    },
    onTurn: () => {},
    close: () => {},
  };

  /** For one replay. */
  replay(): Turns {
    let waiting: (() => void) | undefined;
    return {
      mayLeave: () => this.#live === "idle" || (this.#live === "due" && this.#sent >= LIVE_SHARE),
      left: () => {
        this.#sent = 0;
      },
      now: () => {},
      onTurn: (action) => {
        waiting = action;
        this.#waiting.add(action);
      },
      close: () => {
        if (waiting) this.#waiting.delete(waiting);
      },
    };
  }

  #wake(): void {
    for (const onTurn of this.#waiting) queueMicrotask(onTurn);
  }
}
