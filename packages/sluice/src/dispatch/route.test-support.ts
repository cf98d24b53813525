import { KIND_CODES } from "@sluice/sdk";
import {
  type DiskCall,
  type Fault,
  faultyDisk,
  ManualClock,
  MemoryDisk,
  seededRandom,
} from "@sluice/sdk/internal";
import type { Outgoing, Sink, SinkDefinition } from "../sinks/define.ts";
import type { Delivery } from "../sinks/delivery.ts";
import { Received } from "../spool/received.ts";
import type { NewRecord } from "../spool/spool.ts";
import { assertBalance } from "./balance.ts";
import { DeadLetterRoom } from "./dead-letters/dead-letter-room.ts";
import { openDeadLetters } from "./dead-letters/dead-letters.ts";
import type { Figures } from "./figures.ts";
import { MemorySpool } from "./memory-spool.test-support.ts";
import type { Attempt } from "./observer.ts";
import type { Route, RouteOptions } from "./route.ts";
import { openRoute } from "./sink-route.ts";

export const PLACE = "00112233445566778899aabbccddeeff";

interface Request {
  readonly ids: readonly string[];
  readonly atMs: number;
  readonly signal: AbortSignal;
}

type Answer = (batch: readonly Outgoing[], signal: AbortSignal) => Delivery | Promise<Delivery>;

/** A sink that answers as the test says, and remembers what it was sent. */
class ScriptedSink implements Sink {
  readonly requests: Request[] = [];
  /** Ids that it took, in order; twice means sent twice. */
  readonly taken: string[] = [];
  answer: Answer = () => ({ status: "delivered" });
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async send(batch: readonly Outgoing[], signal: AbortSignal): Promise<Delivery> {
    const ids = batch.map(({ id }) => id);
    this.requests.push({ ids, atMs: this.#clock.monotonicMs(), signal });
    const delivery = await this.answer(batch, signal);
    if (delivery.status === "delivered") this.taken.push(...ids);
    if (delivery.status === "mixed") {
      this.taken.push(...ids.filter((_, index) => delivery.each[index]?.status === "delivered"));
    }
    return delivery;
  }

  /** Gives these answers to the next requests, and then `answer` again. */
  script(...answers: readonly Delivery[]): void {
    const then = this.answer;
    const left = [...answers];
    this.answer = (batch, signal) => {
      const next = left.shift();
      if (left.length === 0) this.answer = then;
      return next ?? then(batch, signal);
    };
  }

  async check(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {}
}

export function record(
  id: string,
  more: Partial<NewRecord> & { kind?: keyof typeof KIND_CODES } = {},
): NewRecord {
  const { kind, ...rest } = more;
  const event = {
    id,
    kind: kind ?? "note.made",
    time: "2026-01-01T00:00:00.000Z",
    ...(rest.runId && { runId: rest.runId }),
  };
  return {
    id,
    kindCode: kind === undefined ? 0 : KIND_CODES[kind],
    flags: 0,
    ...(rest.runId !== undefined && { orderKey: rest.runId }),
    received: new Received(Buffer.from(id)),
    body: Buffer.from(JSON.stringify(event)),
    ...rest,
  };
}

export interface Stage {
  readonly clock: ManualClock;
  readonly spool: MemorySpool;
  readonly sink: ScriptedSink;
  readonly attempts: Attempt[];
  /** The route's health, each time that it had another name. */
  readonly states: string[];
  readonly warnings: string[];
  readonly disk: MemoryDisk;
  /** What goes wrong with the disk from now on. */
  fault: ((call: DiskCall) => Fault | undefined) | undefined;
  route: Route;
  /** Appends events with these ids, `run/…` giving the run, and lets the route see them. */
  append(...ids: readonly string[]): Promise<void>;
  /** The process dies and comes back: nothing in memory survives. */
  crash(): Promise<void>;
}

export interface StageOptions {
  readonly definition?: Partial<SinkDefinition>;
  readonly figures?: Partial<Figures>;
  readonly capBytes?: number;
  readonly seed?: number;
  readonly sample?: NonNullable<RouteOptions["sample"]>;
}

/**
 * A route between a memory spool and a scripted sink, under a manual clock. The balance is checked at every
 * event of it.
 */
export async function stage(options: StageOptions = {}): Promise<Stage> {
  const clock = new ManualClock();
  const spool = new MemorySpool();
  const sink = new ScriptedSink(clock);
  const disk = new MemoryDisk();
  const attempts: Attempt[] = [];
  const states: string[] = [];
  const warnings: string[] = [];
  const open = () =>
    openRoute({
      name: "hooks",
      definition: {
        type: "scripted",
        limits: { events: 32, bytes: 1_000_000 },
        order: "run",
        inFlight: 4,
        ...options.definition,
      },
      sink,
      spool,
      place: PLACE,
      firstOffset: 0,
      openDeadLetters: (low) =>
        openDeadLetters({
          disk: faultyDisk(disk, (call) => setup.fault?.(call)),
          clock,
          directory: "/deadletters",
          sink: "hooks",
          place: PLACE,
          low,
          ...(options.capBytes !== undefined && { room: new DeadLetterRoom(options.capBytes) }),
        }),
      figures: options.figures ?? {},
      ...(options.sample && { sample: options.sample }),
      observer: {
        onAttempt: (attempt) => attempts.push(attempt),
        onHealth: ({ health }) => states.push(health.name),
        onInFlight: () => setup.route && assertBalance(setup.route.status.balance),
        warn: (message) => warnings.push(message),
      },
      clock,
      random: seededRandom(options.seed ?? 1),
    });
  const setup: Stage = {
    clock,
    spool,
    sink,
    attempts,
    states,
    warnings,
    disk,
    fault: undefined,
    route: undefined as unknown as Route,
    async append(...ids) {
      await spool.append(
        ids.map((id) => {
          const slash = id.indexOf("/");
          return record(id, slash < 0 ? {} : { runId: id.slice(0, slash) });
        }),
      );
      await clock.advance(0);
    },
    async crash() {
      spool.crash();
      await clock.advance(0);
      setup.route = await open();
    },
  };
  setup.route = await open();
  return setup;
}

/** What a file holds now. */
export function textOf(disk: MemoryDisk, path: string): string {
  return Buffer.from(disk.bytesOf(path)).toString();
}

export function ids(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `e${from + index}`);
}
