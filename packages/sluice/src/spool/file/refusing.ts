import type { Clock, Timer } from "@sluice/sdk/internal";
import type { Refusal } from "../spool.ts";
import { isNoSpace, messageOf } from "./failures.ts";
import type { Space } from "./space.ts";

/**
 * After two failures in a row nothing is tried for a while: short first, and never longer than a person would
 * wait to see.
 */
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 5_000;

/** While nobody appends: often enough that whoever waits for readiness does not wait for us. */
const LOOK_AGAIN_MS = 1_000;
/** Less room than a usual event and its zeros take is none. */
const ROOM_BYTES = 64 * 1024;

export const SLOW: Refusal = { status: "slow", reason: "the disk does not answer" };

/**
 * Why appends are refused right now:
 * - `full`: there is no room. Each append looks again; so does a timer, while nobody appends.
 * - `failed`: the disk has failed twice in a row. Nothing is tried during a pause, then the next append is.
 * - `slow`: the disk does not answer. Nothing is tried until it does.
 */
export class Refusing {
  readonly #clock: Clock;
  readonly #space: Space;
  #current: Refusal | undefined;
  #backoffMs = 0;
  #retryAtMs = 0;
  #roomTimer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock, space: Space) {
    this.#clock = clock;
    this.#space = space;
  }

  get current(): Refusal | undefined {
    return this.#current;
  }

  get isSlow(): boolean {
    return this.#current === SLOW;
  }

  /** How long nothing is to be tried; 0 if anything may be. */
  get pauseMs(): number {
    return this.#current ? Math.max(0, this.#retryAtMs - this.#clock.monotonicMs()) : 0;
  }

  /** The disk has refused a write, or has failed. */
  fail(error: unknown): Refusal {
    const isFull = isNoSpace(error);
    const reason = `the ${isFull ? "volume is full" : "disk has failed"}: ${messageOf(error)}`;
    const refusal: Refusal = { status: isFull ? "full" : "failed", reason };
    this.refuse(refusal);
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, Math.max(BACKOFF_MS_MIN, this.#backoffMs * 2));
    this.#retryAtMs = this.#clock.monotonicMs() + this.#backoffMs;
    return refusal;
  }

  refuse(refusal: Refusal): void {
    this.#current = refusal;
    if (refusal.status === "full") this.#lookAgain();
  }

  /** The disk has answered, whatever it said. */
  answered(): void {
    if (this.isSlow) this.#current = undefined;
  }

  /** Something was stored. */
  stored(): void {
    this.#current = undefined;
    this.#backoffMs = 0;
  }

  /** A trim has freed something. A failing disk has not become better by it; a full one has. */
  madeRoom(): void {
    if (this.#current?.status !== "full") return;
    this.stored();
    this.#retryAtMs = 0;
  }

  close(): void {
    this.#isClosed = true;
    this.#roomTimer?.cancel();
  }

  /**
   * A full spool says so, and then maybe nobody sends any more (a load balancer asks for readiness): so it
   * finds out by itself when there is room again.
   */
  #lookAgain(): void {
    if (this.#roomTimer || this.#isClosed) return;
    this.#roomTimer = this.#clock.after(LOOK_AGAIN_MS, async () => {
      // A volume that cannot be asked is not known to have room.
      const isKnown = await this.#space.look().then(
        () => true,
        () => false,
      );
      this.#roomTimer = undefined;
      if (this.#current?.status !== "full") return;
      if (!isKnown || this.#space.refusal(ROOM_BYTES, false) !== undefined) return this.#lookAgain();
      this.stored();
    });
  }
}
