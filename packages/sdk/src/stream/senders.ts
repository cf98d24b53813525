import type { Clock, Timer } from "../system/clock.ts";
import type { StreamError } from "./errors.ts";
import { sendAborted, sendTimedOut } from "./refusals.ts";

/** How long a `send` may wait for room. */
export interface SendOptions {
  /** Aborting it ends the wait: the event is not sent. */
  readonly signal?: AbortSignal;
  /** Milliseconds; 0 does not wait at all. Without it the wait has no end. */
  readonly timeoutMs?: number;
}

interface Sender<Item> {
  readonly item: Item;
  /** Ends the wait: sent, or why not. Once. */
  readonly settle: (failure?: StreamError) => void;
}

/**
 * Those who wait for room, first come, first served. Each leaves by exactly one of: sent, refused, aborted,
 * timed out; and takes its listener and its timer along.
 */
export class Senders<Item> {
  readonly #streamId: string;
  readonly #clock: Clock;
  readonly #waiting = new Set<Sender<Item>>();
  #isAdmitting = false;

  constructor(streamId: string, clock: Clock) {
    this.#streamId = streamId;
    this.#clock = clock;
  }

  get count(): number {
    return this.#waiting.size;
  }

  wait(item: Item, { signal, timeoutMs = Number.POSITIVE_INFINITY }: SendOptions): Promise<void> {
    if (!(timeoutMs > 0)) return rejected(sendTimedOut(this.#streamId, timeoutMs));
    const waiting = new Promise<void>((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = (failure?: StreamError) => {
        this.#waiting.delete(sender);
        signal?.removeEventListener("abort", onAbort);
        timer?.cancel();
        if (failure === undefined) resolve();
        else reject(failure);
      };
      const onAbort = () => settle(sendAborted(this.#streamId, signal?.reason));
      const sender = { item, settle };
      signal?.addEventListener("abort", onAbort);
      // Not before: who gave something that is no signal is rejected by the line above, and must not wait.
      this.#waiting.add(sender);
      if (timeoutMs !== Number.POSITIVE_INFINITY) {
        timer = this.#clock.after(timeoutMs, () => settle(sendTimedOut(this.#streamId, timeoutMs)));
      }
    });
    waiting.catch(ignore);
    return waiting;
  }

  /**
   * Sends in order, as long as `trySend` takes them. An event that is sent can wake a subscriber, whose
   * reading makes room and leads here again, while its sender is still in line: that call leaves it to this
   * one.
   */
  admit(trySend: (item: Item) => boolean): void {
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    for (const { item, settle } of this.#waiting) {
      if (!trySend(item)) break;
      settle();
    }
    this.#isAdmitting = false;
  }

  /** Ends everybody's wait. */
  refuse(failure: () => StreamError): void {
    for (const { settle } of this.#waiting) settle(failure());
  }
}

/**
 * A promise that rejects as `send`'s do: who awaits it is told; who does not, as most do with a token that
 * has no reader any more, must not lose the process to an unhandled rejection.
 */
export function rejected(failure: StreamError): Promise<never> {
  const promise = Promise.reject(failure);
  promise.catch(ignore);
  return promise;
}

function ignore(): void {}
