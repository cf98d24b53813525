import type { Usage } from "@sluice/sdk";
import type { Clock, Timer } from "@sluice/sdk/internal";
import { type CountListener, type CountThread, startCountThread } from "./count-thread.ts";

/** What came of counting a run. */
export type Count =
  | { readonly status: "counted"; readonly usage: Usage }
  | { readonly status: "not_counted"; readonly reason: NotCounted };

/**
 * `nothing`: there was nothing to count. `too_large`, `busy`, `slow`: it would have held up its event for too
 * long. `failed`: the thread died of it, or of the one before. `closed`: the pipeline is closing.
 */
export type NotCounted = "nothing" | "too_large" | "busy" | "slow" | "failed" | "closed";

/** 250,000 words. Whatever it holds, it is counted in less than the time that a run has. */
const RUN_BYTES_MAX = 1024 * 1024;
/** Runs that wait, and their bytes: a second's work. */
const WAITING_RUNS_MAX = 1_024;
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/** From being handed over, the start of the thread included. Its sender waits for its acknowledgement. */
const RUN_MS_MAX = 1_500;
/** A thread that dies so often in a row will die again: nothing is counted for a while. */
const DEATHS_MAX = 3;
const REST_MS = 30_000;

export interface CounterOptions {
  readonly clock: Clock;
  readonly startThread?: (listener: CountListener) => CountThread;
}

interface Job {
  readonly body: Uint8Array;
  readonly timer: Timer;
  readonly resolve: (count: Count) => void;
}

/**
 * Counts the tokens of runs on a thread, first come, first served. The thread starts when the first one
 * comes. Every run has an answer in time, because its event waits for it: what cannot be counted within the
 * limits above is not counted.
 *
 *   idle      no thread, or one that waits: nobody is being counted.
 *   counting  the first of `#jobs` is on the thread.
 *
 *     idle ──count── counting ──usage── (next job: counting, none: idle)
 *     counting ──the thread dies, or its job is late── the job is answered, the next one gets a new thread
 */
export class Counter {
  readonly #clock: Clock;
  readonly #startThread: (listener: CountListener) => CountThread;
  #jobs: Job[] = [];
  #waitingBytes = 0;
  #thread: CountThread | undefined;
  #isCounting = false;
  #deaths = 0;
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  readonly #ending = new Set<Promise<void>>();

  constructor({ clock, startThread = startCountThread }: CounterOptions) {
    this.#clock = clock;
    this.#startThread = startThread;
  }

  /** Never rejects. The body is an event with a complete end; it is not changed. */
  count(body: Uint8Array): Promise<Count> {
    const refusal = this.#refusal(body);
    if (refusal !== undefined) return Promise.resolve({ status: "not_counted", reason: refusal });
    return new Promise((resolve) => {
      const timer = this.#clock.after(RUN_MS_MAX, () => this.#late(job));
      const job = { body, timer, resolve };
      this.#jobs.push(job);
      this.#waitingBytes += body.length;
      this.#next();
    });
  }

  /** Answers everybody who waits. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#dropThread();
    for (const job of [...this.#jobs]) this.#answer(job, { status: "not_counted", reason: "closed" });
    await Promise.all(this.#ending);
  }

  #refusal(body: Uint8Array): NotCounted | undefined {
    if (this.#isClosed) return "closed";
    if (body.length > RUN_BYTES_MAX) return "too_large";
    if (this.#clock.monotonicMs() < this.#restsUntilMs) return "failed";
    const isFull =
      this.#jobs.length >= WAITING_RUNS_MAX || this.#waitingBytes + body.length > WAITING_BYTES_MAX;
    return isFull ? "busy" : undefined;
  }

  #next(): void {
    const [first] = this.#jobs;
    if (first === undefined || this.#isCounting || this.#isClosed) return;
    try {
      this.#thread ??= this.#start();
      this.#isCounting = true;
      this.#thread.count(first.body);
    } catch {
      // No thread, or no memory for it.
      this.#gone();
    }
  }

  #start(): CountThread {
    const thread: CountThread = this.#startThread({
      onUsage: (usage) => {
        if (thread === this.#thread) this.#counted(usage);
      },
      onGone: () => {
        if (thread === this.#thread) this.#gone();
      },
    });
    return thread;
  }

  #counted(usage: Usage | undefined): void {
    this.#isCounting = false;
    this.#deaths = 0;
    const [first] = this.#jobs;
    if (first !== undefined) {
      this.#answer(
        first,
        usage === undefined ? { status: "not_counted", reason: "nothing" } : { status: "counted", usage },
      );
    }
    this.#next();
  }

  /** The run that it was counting may be why: it is not tried again. */
  #gone(): void {
    const wasCounting = this.#isCounting;
    this.#dropThread();
    this.#deaths++;
    const isHopeless = this.#deaths >= DEATHS_MAX;
    if (isHopeless) {
      this.#deaths = 0;
      this.#restsUntilMs = this.#clock.monotonicMs() + REST_MS;
    }
    const lost = isHopeless ? [...this.#jobs] : this.#jobs.slice(0, wasCounting ? 1 : 0);
    for (const job of lost) this.#answer(job, { status: "not_counted", reason: "failed" });
    this.#next();
  }

  /** One that waits behind others is only too late; the one on the thread holds up the others, too. */
  #late(job: Job): void {
    const isOnThread = this.#isCounting && this.#jobs[0] === job;
    if (isOnThread) this.#dropThread();
    this.#answer(job, { status: "not_counted", reason: "slow" });
    this.#next();
  }

  #answer(job: Job, count: Count): void {
    job.timer.cancel();
    this.#jobs = this.#jobs.filter((one) => one !== job);
    this.#waitingBytes -= job.body.length;
    job.resolve(count);
  }

  #dropThread(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#isCounting = false;
    if (thread === undefined) return;
    const ended = thread.end().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}
