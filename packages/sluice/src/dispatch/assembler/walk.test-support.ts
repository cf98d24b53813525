import { ManualClock, MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import type { Sink } from "../../sinks/define.ts";
import { summary } from "../../sinks/delivery.ts";
import type { NewRecord, Spool } from "../../spool/spool.ts";
import { assertBalance, type Balance } from "../balance.ts";
import { openDeadLetters } from "../dead-letters/dead-letters.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import type { RouteObserver } from "../observer.ts";
import { PLACE } from "../route.test-support.ts";
import { openRoute } from "../sink-route.ts";
import { openAssembler } from "./assembler.ts";
import { lettersOn } from "./letters.test-support.ts";
import type { Binding } from "./parking.ts";
import { RunBackend } from "./run-backend.test-support.ts";

/** What happens from outside: a source brings records, or time passes. */
export type Act = { readonly append: readonly NewRecord[] } | { readonly passMs: number };

/** The process dies at the `at`-th thing that it does to the world: before it is done, or right after. */
export interface Kill {
  readonly at: number;
  readonly moment: "before" | "after";
}

export interface Walked {
  readonly spool: MemorySpool;
  readonly upserting: RunBackend;
  readonly writeOnce: RunBackend;
  /** How the last process's assembler stood in the end. */
  readonly openRuns: number;
  readonly balance: Balance;
  readonly lowOffset: number;
  /** What the process did to the world, in order, until it was closed. */
  readonly steps: readonly string[];
}

/** Longer than the pause after a start in which nothing times out. */
export const RUN_TIMEOUT_MS = 600_000;
const OBSERVER: RouteObserver = { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} };

/**
 * Does everything in turn, and what a kill interrupted once more, as sources do that were not answered. All
 * of it with an assembler and two routes at work, and what the process has stored and sent staying.
 */
export async function walk(acts: readonly Act[], kill?: Kill, binding?: Binding): Promise<Walked> {
  const clock = new ManualClock();
  const spool = new MemorySpool();
  const disk = new MemoryDisk();
  const steps: string[] = [];
  const backends = [new RunBackend(false), new RunBackend(true)] as const;
  let life = { isOver: false };

  const mortal = (mine: { isOver: boolean }) => {
    const die = (): Promise<never> => {
      mine.isOver = true;
      spool.crash();
      return new Promise(() => undefined);
    };
    return async <Result>(name: string, effect: () => Promise<Result>): Promise<Result> => {
      if (mine.isOver) return new Promise(() => undefined);
      const isLast = steps.push(name) === kill?.at;
      if (isLast && kill.moment === "before") return die();
      const result = await effect();
      return isLast ? die() : result;
    };
  };

  const open = async () => {
    life = { isOver: false };
    const step = mortal(life);
    const seen = mortalSpool(spool, step);
    const shared = { spool: seen, clock, place: PLACE, firstOffset: 0, observer: OBSERVER };
    const bootId = `dir.boot${steps.length}`;
    const assembler = openAssembler({
      ...{ ...shared, bootId, runTimeoutMs: RUN_TIMEOUT_MS },
      openDeadLetters: lettersOn(disk),
      ...(binding && { binding }),
    });
    const routes = backends.map((backend, index) => {
      const name = `backend-${index}`;
      const sink: Sink = {
        send: (batch) => step("send", async () => summary(batch.map((item) => backend.take(item)))),
        check: async () => undefined,
        close: async () => undefined,
      };
      return openRoute({
        ...{ ...shared, name, sink, random: seededRandom(1) },
        definition: { type: "scripted", limits: { events: 8, bytes: 1e6 }, order: "run", inFlight: 4 },
        openDeadLetters: (low) =>
          openDeadLetters({ disk, clock, directory: `/letters/${name}`, sink: name, place: PLACE, low }),
      });
    });
    await clock.advance(0);
    return { assembler, routes, seen, step };
  };

  let opened = await open();
  for (const act of acts) {
    for (let isDone = false; !isDone; ) {
      if (life.isOver) opened = await open();
      if ("append" in act) void opened.seen.append(act.append);
      await clock.advance("append" in act ? 0 : act.passMs);
      isDone = !life.isOver;
    }
  }
  // Ledgers are stored at most every 200 ms: the last ones, and what a kill while that happens leaves.
  for (let isDone = false; !isDone; ) {
    await clock.advance(1_000);
    isDone = !life.isOver;
    if (!isDone) opened = await open();
  }
  const stepsDone = [...steps];
  const assembler = await opened.assembler;
  await assembler.sync();
  const { openRuns, lowOffset, status } = assembler;
  const ended = [assembler, ...(await Promise.all(opened.routes))];
  for (const { status } of ended) assertBalance(status.balance);
  for (const each of ended) await each.close();
  const [upserting, writeOnce] = backends;
  const stood = { openRuns, lowOffset, balance: status.balance };
  return { spool, upserting, writeOnce, ...stood, steps: stepsDone };
}

function mortalSpool(
  spool: MemorySpool,
  step: <Result>(name: string, effect: () => Promise<Result>) => Promise<Result>,
): Spool {
  return {
    get state() {
      return spool.state;
    },
    layout: spool.layout,
    append: (records) => step("append", () => spool.append(records)),
    read: (partition, from, limit, signal) => spool.read(partition, from, limit, signal),
    lease: (route, partition) => spool.lease(route, partition),
    commit: (lease, bytes, durable) => step("commit", () => spool.commit(lease, bytes, durable)),
    trim: (partition, before) => spool.trim(partition, before),
    close: () => spool.close(),
  };
}
