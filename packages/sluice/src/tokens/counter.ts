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
/**
 * From being handed over, also while the thread starts: a tenth of a second, on a busy machine two. Its
 * sender waits for its acknowledgement, and half of the time that senders have is left for the disk.
 */
const RUN_MS_MAX = 5_000;
/** Nobody waits for all of it. */
const START_MS_MAX = 60_000;
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
 *   none      no thread.
 *   starting  there is one, and nobody is on it yet.
 *   ready     nobody is on it.
 *   counting  the first of `#jobs` is on it.
 *
 *     none ──a job── starting ──ready── ready ──a job── counting ──usage── ready
 *     starting ──dies, or takes a minute── none
 *     counting ──dies, or its job is late── none, and that job is answered
 *
 * A job that is late anywhere else is answered, and changes nothing.
 */
export class Counter {
  readonly #clock: Clock;
  readonly #startThread: (listener: CountListener) => CountThread;
  #jobs: Job[] = [];
  #waitingBytes = 0;
  #thread: CountThread | undefined;
  #state: "none" | "starting" | "ready" | "counting" = "none";
  #starting: Timer | undefined;
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
    if (first === undefined || this.#isClosed) return;
    try {
      if (this.#state === "none") this.#start();
      else if (this.#state === "ready") {
        this.#state = "counting";
        this.#thread?.count(first.body);
      }
    } catch {
      // No thread, or no memory for it.
      this.#gone();
    }
  }

  #start(): void {
    this.#state = "starting";
    this.#starting = this.#clock.after(START_MS_MAX, () => this.#gone());
    const ifMine = (act: () => void) => {
      if (thread === this.#thread) act();
    };
    const thread: CountThread = this.#startThread({
      onReady: () => ifMine(() => this.#ready()),
      onUsage: (usage) => ifMine(() => this.#counted(usage)),
      onGone: () => ifMine(() => this.#gone()),
    });
    this.#thread = thread;
  }

  #ready(): void {
    this.#starting?.cancel();
    this.#state = "ready";
    this.#next();
  }

  #counted(usage: Usage | undefined): void {
    this.#state = "ready";
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
    const wasCounting = this.#state === "counting";
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
    const isOnThread = this.#state === "counting" && this.#jobs[0] === job;
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
    this.#state = "none";
    this.#starting?.cancel();
    if (thread === undefined) return;
    // One that cannot be ended has ended.
    const ended = thread
      .end()
      .catch(() => undefined)
      .finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}
