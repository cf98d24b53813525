import { type Clock, sleep } from "@sluice/sdk/internal";
import type { Outgoing, Sink } from "../../../packages/sluice/src/sinks/define.ts";
import type { Delivery } from "../../../packages/sluice/src/sinks/delivery.ts";
import { type Answer, type Behaviour, behaviourOf } from "./behaviour.ts";
import type { Chance } from "./chance.ts";
import type { Life } from "./life.ts";
import { Order, type StartOf } from "./order.ts";
import type { Trace } from "./trace.ts";
import { demand } from "./violation.ts";

/** The last time that a backend was given an event. */
interface Receipt {
  readonly life: number;
  readonly text: string;
  /** The route heard that it was taken. If not, it must send the event again. */
  isAnswered: boolean;
}

export interface BackendParts {
  readonly name: string;
  readonly trace: Trace;
  readonly chance: Chance;
  /** Absent for a sink that declares no order. */
  readonly startOf: StartOf | undefined;
  /** Is somebody appending this id, and has not heard yet what became of it? */
  readonly isOffered: (id: string) => boolean;
  /** Is told of a promise that was not kept. */
  readonly broken: (violation: unknown) => void;
}

/**
 * A backend of the simulated world. It outlives the processes that send to it, remembers everything it was
 * given in the order in which it came, and says at once when it is given something it should not be.
 */
export class Backend {
  readonly name: string;
  readonly #trace: Trace;
  readonly #chance: Chance;
  /** Lives that ended as they should: whatever they had been answered was in their ledger. */
  readonly #orderly = new Set<number>();
  readonly #receipts = new Map<string, Receipt>();
  /** Everything that was taken, in the order of the first time. */
  readonly taken = new Map<string, string>();
  /** What it said that it does not want. */
  readonly skipped = new Set<string>();
  /** Events that were sent again, by the lives that had ended in between. */
  readonly repeats: Repeat[] = [];
  behaviour: Behaviour = behaviourOf("well");
  readonly #order: Order | undefined;
  readonly #isOffered: (id: string) => boolean;
  /**
   * Sent twice, while it was being appended again; with the lives that had ended in between, if any. What was
   * forgotten with what was trimmed is a new record; what was not is the same one.
   */
  readonly #doubtful = new Map<string, Repeat | undefined>();
  readonly #broken: (violation: unknown) => void;

  constructor({ name, trace, chance, startOf, isOffered, broken }: BackendParts) {
    this.name = name;
    this.#trace = trace;
    this.#chance = chance;
    this.#order = startOf && new Order(name, startOf);
    this.#isOffered = isOffered;
    this.#broken = broken;
  }

  endedOrderly(life: number): void {
    this.#orderly.add(life);
  }

  /** The id was forgotten with what was trimmed, and given to a new record. */
  isStoredAnew(id: string): void {
    this.#receipts.delete(id);
    this.#doubtful.delete(id);
  }

  /** It was there already: who was sent it meanwhile was sent it twice. */
  isNotStoredAnew(id: string): void {
    if (!this.#doubtful.has(id)) return;
    const repeat = this.#doubtful.get(id);
    this.#doubtful.delete(id);
    this.#isRepeat(id, repeat);
  }

  /** The sink of one process. What it takes from another than a living one never arrives. */
  sinkFor(life: Life, clock: Clock): Sink {
    const never = new AbortController().signal;
    return {
      send: (batch, signal) =>
        this.#send(batch, signal, { life, clock, never }).catch((error: unknown) => {
          // The route would take it for a bug of the sink, and only end itself.
          this.#broken(error);
          throw error;
        }),
      check: async () => undefined,
      close: async () => {},
    };
  }

  async #send(batch: readonly Outgoing[], signal: AbortSignal, sender: Sender): Promise<Delivery> {
    const { life, clock, never } = sender;
    if (!life.isAlive) return new Promise(() => {});
    const answer = this.behaviour(batch, this.#chance);
    const ids = batch.map(({ id }) => id.slice(-8)).join(" ");
    this.#trace.note("sink", `${this.name} is sent ${ids}, will say ${answer.delivery?.status ?? "nothing"}`);
    this.#order?.sent(batch);
    // It is taken when it comes, or just before the answer: a process may end in between.
    const receipts = answer.isTakenEarly ? this.#take(batch, answer, life) : undefined;
    if (!answer.delivery) return new Promise(() => {});
    await sleep(clock, answer.delayMs, answer.heedsSignal ? signal : never);
    if (!life.isAlive) return new Promise(() => {});
    if (signal.aborted && answer.heedsSignal) return { status: "retry", reason: "given up" };
    const taken = receipts ?? this.#take(batch, answer, life);
    this.#trace.note("sink", `${this.name} says ${answer.delivery.status} of ${ids}`);
    this.#order?.told(batch, answer.delivery);
    // Once the signal has gone the route may have stopped to listen.
    if (!signal.aborted && answer.isTold) for (const receipt of taken) receipt.isAnswered = true;
    for (const [index, outgoing] of batch.entries()) {
      if (answer.skips(index)) this.skipped.add(subjectOf(outgoing)).add(outgoing.id);
    }
    return answer.delivery;
  }

  #take(batch: readonly Outgoing[], answer: Answer, life: Life): readonly Receipt[] {
    const receipts: Receipt[] = [];
    for (const [index, outgoing] of batch.entries()) {
      if (answer.takes(index)) receipts.push(this.#receive(outgoing, life));
    }
    return receipts;
  }

  #receive(outgoing: Outgoing, life: Life): Receipt {
    const { id } = outgoing;
    this.#order?.took(outgoing);
    const text = Buffer.from(outgoing.raw).toString("latin1");
    const before = this.#receipts.get(id);
    if (before && before.text !== text) this.#isOther(outgoing);
    else if (before?.isAnswered) this.#repeat(id, before.life, life.number);
    const receipt = { life: life.number, text, isAnswered: false };
    this.#receipts.set(id, receipt);
    this.taken.set(subjectOf(outgoing), id);
    if (!this.taken.has(id)) this.taken.set(id, id);
    return receipt;
  }

  /** One id is one event, but for what was trimmed and sent anew, and for ends of a run that came again. */
  #isOther({ id, event }: Outgoing): void {
    if (event.kind === "run.ended") return;
    demand(this.#isOffered(id), () => `${this.name} was sent two events under the id ${id} (P3)`);
    this.#doubtful.set(id, undefined);
  }

  #repeat(id: string, before: number, now: number): void {
    let crashed = before;
    while (crashed < now && this.#orderly.has(crashed)) crashed++;
    const repeat = crashed === now ? undefined : { from: crashed, to: now };
    if (this.#isOffered(id)) this.#doubtful.set(id, repeat);
    else this.#isRepeat(id, repeat);
  }

  #isRepeat(id: string, repeat: Repeat | undefined): void {
    if (repeat) this.repeats.push(repeat);
    else demand(false, `${this.name} had said that it has ${id}, and was sent it again (P1)`);
  }
}

/** Taken in the life `from`, or before an orderly end before it, and again in the life `to`. */
export interface Repeat {
  readonly from: number;
  readonly to: number;
}

/** The process that a request comes from. */
interface Sender {
  readonly life: Life;
  readonly clock: Clock;
  /** For a sink that does not listen to its own; it ends with the process. */
  readonly never: AbortSignal;
}

/** What is the same of an event whatever record it ends up in: of a run's end, what it says came out. */
export function subjectOf({ id, raw }: Pick<Outgoing, "id" | "raw">): string {
  const mark = MARK.exec(Buffer.from(raw).toString("latin1"));
  return mark?.[0] ?? id;
}

/** Stands in the response of every end that a simulated client writes. */
const MARK = /end-mark-\d+/;
