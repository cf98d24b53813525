import { type Clock, sleep } from "../../system/clock.ts";
import type { Random } from "../../system/random.ts";
import { messageOf, type OnDrop } from "../drop.ts";
import type { Answer, ItemAnswer } from "./answer.ts";
import type { Backlog, Lines } from "./backlog.ts";

export interface SenderOptions {
  readonly backlog: Backlog;
  /** One request. Resolves also when nobody answers; rejects only when `signal` aborts. */
  readonly post: (lines: Lines, signal: AbortSignal) => Promise<Answer>;
  readonly clock: Clock;
  readonly random: Random;
  readonly drop: OnDrop;
  /** So many more events need no further care: acknowledged, or dropped and told. */
  readonly onSettled: (events: number) => void;
  /** A try failed, and will be repeated. */
  readonly onFailure: (detail: string) => void;
}

/** First pause after a failed try; it doubles, and chance takes up to half of it away. */
const BACKOFF_MS = 100;
/** A daemon that restarts is noticed within this. */
const BACKOFF_MS_MAX = 5_000;
const LINE_FEED = 0x0a;

/**
 * Sends a backlog, one request at a time, so that events arrive in the order in which they were emitted. A
 * failed try is repeated until it succeeds: what does not fit meanwhile is the backlog's to refuse.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #closed = new AbortController();
  #running = Promise.resolve();
  #isSending = false;
  #pause: AbortController | undefined;
  #failures = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get isSending(): boolean {
    return this.#isSending;
  }

  /** Sends until nothing waits. Somebody waits for it: a pause that the daemon did not ask for ends now. */
  hurry(): void {
    this.start();
    this.#pause?.abort();
  }

  /** Sends until nothing waits. */
  start(): void {
    if (this.#closed.signal.aborted || this.#isSending) return;
    this.#isSending = true;
    this.#running = this.#run();
  }

  /** Cuts what is on its way. What was not acknowledged stays in the backlog. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { backlog } = this.#options;
    // What else this turn of the event loop emits goes into the same request, and emit pays for none of it.
    await Promise.resolve();
    while (!this.#closed.signal.aborted) {
      try {
        const lines = await backlog.next();
        if (lines === undefined) {
          // What came between that answer and this line told nobody, because it saw us sending.
          if (backlog.sizeBytes > 0) continue;
          this.#isSending = false;
          return;
        }
        // Cut short, they stay: whoever gets the backlog sends them again.
        if (await this.#deliver(lines)) backlog.settle();
      } catch (error) {
        // A spill file that cannot be read back. It stays for the daemon, and for another try.
        await this.#fail(messageOf(error));
      }
    }
  }

  /** True when each event was acknowledged, or dropped and told; false when this was closed before. */
  async #deliver(lines: Lines): Promise<boolean> {
    const { onSettled, drop } = this.#options;
    let rest = lines;
    while (!this.#closed.signal.aborted) {
      const answer = await this.#options.post(rest, this.#closed.signal).catch(cutShort);
      switch (answer.status) {
        case "stored":
          this.#failures = 0;
          onSettled(rest.events);
          return true;
        case "each": {
          const again = this.#settleEach(rest, answer.items);
          if (again.events < rest.events) this.#failures = 0;
          onSettled(rest.events - again.events);
          if (again.events === 0) return true;
          rest = again;
          await this.#fail("the daemon has no room", answer.retryAfterMs);
          break;
        }
        case "refused": {
          if (rest.events > 1) return this.#deliverHalves(rest);
          drop(1, "refused", answer.detail);
          onSettled(1);
          return true;
        }
        case "later":
          await this.#fail(answer.detail, answer.retryAfterMs);
          break;
        case "blocked":
          await this.#fail(answer.detail);
          break;
        default:
          assertNever(answer);
      }
    }
    return false;
  }

  /** One bad event must not cost its neighbours. */
  async #deliverHalves(lines: Lines): Promise<boolean> {
    const [first, second] = halves(lines);
    return (await this.#deliver(first)) && (await this.#deliver(second));
  }

  /** Drops what was refused, and returns what is to be sent again. */
  #settleEach(lines: Lines, items: readonly ItemAnswer[]): Lines {
    const again: Uint8Array[] = [];
    for (const [index, line] of linesOf(lines).entries()) {
      const item = items[index];
      if (item?.status === "refused") this.#options.drop(1, "refused", item.detail);
      if (item?.status === "later") again.push(line);
    }
    return { bytes: Buffer.concat(again), events: again.length };
  }

  /** Tells, and waits before the next try. */
  async #fail(detail: string, retryAfterMs?: number): Promise<void> {
    const { clock, random, onFailure } = this.#options;
    if (this.#closed.signal.aborted) return;
    const backoffMs = Math.min(BACKOFF_MS * 2 ** this.#failures++, BACKOFF_MS_MAX);
    const pauseMs = retryAfterMs ?? backoffMs * (1 - random.fraction() / 2);
    const pause = new AbortController();
    if (retryAfterMs === undefined) this.#pause = pause;
    onFailure(detail);
    await sleep(clock, pauseMs, AbortSignal.any([pause.signal, this.#closed.signal]));
    this.#pause = undefined;
  }
}

function cutShort(): Answer {
  return { status: "later", detail: "closed" };
}

function linesOf({ bytes }: Lines): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(LINE_FEED, start) + 1;
    lines.push(bytes.subarray(start, end));
    start = end;
  }
  return lines;
}

function halves(lines: Lines): readonly [Lines, Lines] {
  const firstEvents = lines.events >> 1;
  const firstBytes = linesOf(lines)
    .slice(0, firstEvents)
    .reduce((sum, { length }) => sum + length, 0);
  return [
    { bytes: lines.bytes.subarray(0, firstBytes), events: firstEvents },
    { bytes: lines.bytes.subarray(firstBytes), events: lines.events - firstEvents },
  ];
}

function assertNever(value: never): never {
  throw new TypeError(`unexpected answer ${JSON.stringify(value)}`);
}
