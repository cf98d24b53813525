import type { AppendOutcome, NewRecord, Refusal } from "../spool.ts";
import type { Request } from "./group.ts";

/**
 * What may wait for its turn in memory. A disk that is this far behind will not catch up before the callers
 * give up. More than all large bodies that ingest takes at once: small ones still find a place.
 */
const QUEUE_BYTES_MAX = 48 * 1024 * 1024;

export const GAVE_UP: Refusal = { status: "failed", reason: "the caller gave up before it was stored" };

/** The calls of `append` that wait for their turn, first come, first served. */
export class AppendQueue {
  #requests: Request[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  get first(): Request | undefined {
    return this.#requests[0];
  }

  /** The record whose turn it is. */
  get nextRecord(): NewRecord | undefined {
    return this.first?.records[this.first.outcomes.length];
  }

  /** Why a call that brings `bytes` has to be turned away. An empty queue takes a call of any size. */
  refusalOf(bytes: number): Refusal | undefined {
    if (this.isEmpty || this.#bytes + bytes <= QUEUE_BYTES_MAX) return undefined;
    return { status: "full", reason: `${this.#bytes} bytes wait for the disk, which is too slow` };
  }

  /** A caller that gives up while it waits for its turn hears so at once, even if the disk hangs. */
  push(request: Request, signal: AbortSignal | undefined): void {
    this.#requests.push(request);
    this.#bytes += request.bytes;
    if (signal) this.#letGoOnAbort(request, signal);
  }

  /** Takes the first call out of the queue: all its records have been seen to. */
  shift(): void {
    this.#bytes -= this.#requests.shift()?.bytes ?? 0;
  }

  refuseAll(outcome: AppendOutcome): void {
    for (const request of this.#requests) {
      while (request.outcomes.length < request.records.length) request.outcomes.push(outcome);
      request.resolve(request.outcomes);
    }
    this.#requests = [];
    this.#bytes = 0;
  }

  /**
   * Answers those that came at a tick or before. Whoever's turn it is goes on being stored; the others are
   * let go.
   */
  answerUpTo(tick: number, outcome: Refusal): void {
    const late = this.#requests.filter(({ cameAt }) => cameAt <= tick);
    if (late.length === 0) return;
    for (const request of late) request.resolve(request.records.map(() => outcome));
    this.#requests = this.#requests.filter(({ cameAt, outcomes }) => cameAt > tick || outcomes.length > 0);
    this.#bytes = this.#requests.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #letGoOnAbort(request: Request, signal: AbortSignal): void {
    const letGo = () => {
      if (request.outcomes.length > 0 || !this.#requests.includes(request)) return;
      this.#requests = this.#requests.filter((other) => other !== request);
      this.#bytes -= request.bytes;
      request.resolve(request.records.map(() => GAVE_UP));
    };
    signal.addEventListener("abort", letGo, { once: true });
    const { resolve } = request;
    request.resolve = (outcomes) => {
      signal.removeEventListener("abort", letGo);
      resolve(outcomes);
    };
  }
}
