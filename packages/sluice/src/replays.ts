import type { Event } from "@sluice/sdk";
import type { Clock } from "@sluice/sdk/internal";
import type { Balance } from "./dispatch/balance.ts";
import type { Desk, LetterOutcome } from "./dispatch/dead-letters/letter-desk.ts";
import { type IdleRoute, openIdleRoute } from "./dispatch/idle-route.ts";
import type { Route } from "./dispatch/route.ts";
import { type ReplayEntry, type RouteEntry, type Routes, replayNameOf } from "./dispatch/route-registry.ts";
import type { Shape } from "./dispatch/shape.ts";
import { SluiceError } from "./errors.ts";
import { FLAG_SET_ASIDE, type Spool, type SpoolRecord } from "./spool/spool.ts";

/** What of the log is sent to a sink again. Without a bound it is all that is still there. */
export interface ReplayRequest {
  readonly sink: string;
  /** Offsets: at or above, and below. */
  readonly from?: number | undefined;
  readonly until?: number | undefined;
  /** Of the events' own times, RFC 3339: at or after, and before. */
  readonly since?: string | undefined;
  readonly before?: string | undefined;
  /** Events a second, at the most; absent: as fast as the sink takes them behind what is live. */
  readonly rate?: number | undefined;
}

/** What a replay would do. */
export interface ReplayPlan {
  readonly sink: string;
  readonly from: number;
  readonly until: number;
  /** Events that it would get, and what they take. */
  readonly send: number;
  readonly bytes: number;
  /** Those that it would not get, by reason. */
  readonly skip: Readonly<Record<string, number>>;
  /** Records that are no event, and would be dead letters. */
  readonly refuse: number;
  /** Asked for, and not there any more. */
  readonly gone: number;
}

/** What became of a replay that is over. */
export interface FinishedReplay {
  readonly sink: string;
  readonly outcome: "done" | "cancelled";
  readonly balance: Balance;
}

type Decision = (desk: Desk) => Promise<LetterOutcome>;

/** A sink that runs, as far as its replay goes. */
export interface ReplaySink {
  readonly type: string;
  /** What it would make of a record. */
  shape(filter: (event: Event) => boolean): Shape;
  /** A route beside the live one, behind it at every turn. */
  openReplay(entry: RouteEntry, replay: ReplayEntry, filter: (event: Event) => boolean): Promise<Route>;
  /** Lets a person decide about the dead letters of replays that are over. */
  decide(route: string, decision: Decision): Promise<LetterOutcome>;
}

export interface ReplaysOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly places: Routes;
  readonly clock: Clock;
  readonly sinkOf: (name: string) => ReplaySink | undefined;
  readonly warn: (message: string) => void;
}

const FINISHED_MAX = 16;
/** What a plan reads at a time. */
const READ_LIMIT = { records: 1_000, bytes: 4 * 1024 * 1024 };

/**
 * Sends a part of the log to a sink once more, by a route of its own: at most one a sink. It has its own
 * ledger and balance, survives restarts, and comes behind what is live. Sinks get events that they had, under
 * the same ids. Its part of the log is kept for it; where a full spool needs the room, the rest of the replay
 * is dropped, not live events.
 */
export class Replays {
  readonly #options: ReplaysOptions;
  readonly #routes = new Map<string, Route | IdleRoute>();
  readonly #finished: FinishedReplay[] = [];
  /** One change at a time: a replay may end by itself while its sink is changed, or somebody ends it. */
  #changing: Promise<unknown> = Promise.resolve();
  readonly #closed = new AbortController();

  constructor(options: ReplaysOptions) {
    this.#options = options;
  }

  get all(): readonly (Route | IdleRoute)[] {
    return [...this.#routes.values()];
  }

  /** The newest last. */
  get finished(): readonly FinishedReplay[] {
    return this.#finished;
  }

  /** Those that a former process began. */
  async open(): Promise<void> {
    for (const { replay } of this.#options.places.list()) if (replay) await this.resume(replay.sink);
  }

  /** Reads what a replay would read, and sends nothing. @throws SluiceError SINK_NOT_RUNNING. */
  async plan(request: ReplayRequest, signal: AbortSignal): Promise<ReplayPlan> {
    const { spool, partition } = this.#options;
    const { from, until } = this.#rangeOf(request);
    const shape = this.#sinkOf(request.sink).shape(within(request));
    const skip: Record<string, number> = {};
    let [send, bytes, refuse, seen] = [0, 0, 0, 0];
    for (let position = from; position < until; ) {
      const records = await spool.read(partition, position, READ_LIMIT, signal);
      for (const record of records.filter(({ offset }) => offset < until)) {
        const isSetAside = (record.flags & FLAG_SET_ASIDE) !== 0;
        const shaped = isSetAside ? "quarantined" : shape(record);
        seen++;
        if (typeof shaped === "string") skip[shaped] = (skip[shaped] ?? 0) + 1;
        else if (!isEvent(shaped)) refuse++;
        else [send, bytes] = [send + 1, bytes + shaped.body.length];
      }
      position = (records.at(-1)?.offset ?? until) + 1;
    }
    const { sink, from: asked = from, until: end = until } = request;
    const trimmed = Math.max(0, Math.min(from, end) - asked);
    const gone = trimmed + until - from - seen;
    return { sink, from, until, send, bytes, skip, refuse, gone };
  }

  /**
   * Durable when this resolves.
   * @throws SluiceError SINK_NOT_RUNNING; REPLAY_RUNNING if the sink has one already.
   */
  start(request: ReplayRequest): Promise<{ readonly from: number; readonly until: number }> {
    return this.#inTurn(() => this.#start(request));
  }

  async #start(request: ReplayRequest): Promise<{ readonly from: number; readonly until: number }> {
    const { places } = this.#options;
    const { sink, since, before, rate } = request;
    const { type } = this.#sinkOf(sink);
    if (this.#routes.has(sink)) throw new SluiceError("REPLAY_RUNNING", { sink });
    const { from, until } = this.#rangeOf(request);
    await places.addReplay(replayNameOf(sink), type, from, {
      sink,
      until,
      ...(since !== undefined && { since }),
      ...(before !== undefined && { before }),
      ...(rate !== undefined && { rate }),
    });
    await this.#resume(sink);
    return { from, until };
  }

  /** What is not sent yet is not sent. @throws SluiceError REPLAY_ABSENT. */
  async cancel(sink: string): Promise<FinishedReplay> {
    const finished = await this.end(sink);
    if (!finished) throw new SluiceError("REPLAY_ABSENT", { sink });
    return finished;
  }

  /** The same, if there is one. */
  end(sink: string): Promise<FinishedReplay | undefined> {
    return this.#inTurn(() => this.#finish(sink, "cancelled"));
  }

  /**
   * For the dead letters that replays to a sink have left. While one is under way they are its own.
   * @throws SluiceError SINK_NOT_RUNNING; what is decided rejects with REPLAY_RUNNING.
   */
  deskOf(sink: string): Desk {
    const decide = (decision: Decision) =>
      this.#inTurn(async () => {
        if (this.#routes.has(sink)) throw new SluiceError("REPLAY_RUNNING", { sink });
        return this.#sinkOf(sink).decide(replayNameOf(sink), decision);
      });
    this.#sinkOf(sink);
    return {
      drop: (selection) => decide((desk) => desk.drop(selection)),
      retry: (selection, signal, edited) => {
        const either = AbortSignal.any([signal, this.#closed.signal]);
        return decide((desk) => desk.retry(selection, either, edited));
      },
    };
  }

  /** Its sink is going to close. */
  rest(sink: string): Promise<void> {
    return this.#inTurn(async () => {
      const route = this.#routes.get(sink);
      if (!route) return;
      await route.close();
      const entry = this.#options.places.entryOf(replayNameOf(sink));
      if (entry) this.#routes.set(sink, await this.#idle(entry));
    });
  }

  /** Its sink is going to have another name, and it goes along. */
  leave(sink: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#routes.get(sink)?.close();
      this.#routes.delete(sink);
    });
  }

  /** Its sink is open again. */
  resume(sink: string): Promise<void> {
    return this.#inTurn(() => this.#resume(sink));
  }

  async #resume(sink: string): Promise<void> {
    const entry = this.#options.places.entryOf(replayNameOf(sink));
    if (!entry?.replay) return;
    await this.#routes.get(sink)?.close();
    const { replay } = entry;
    const open = this.#options.sinkOf(sink);
    const route = open ? await open.openReplay(entry, replay, within(replay)) : await this.#idle(entry);
    this.#routes.set(sink, route);
  }

  /** Everything of it is settled. */
  done(sink: string): void {
    this.#inTurn(() => this.#finish(sink, "done")).catch((error: unknown) =>
      this.#options.warn(`The replay to "${sink}" is done, and could not be put away: ${String(error)}`),
    );
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#changing;
    await Promise.all(this.all.map((route) => route.close()));
  }

  async #finish(sink: string, outcome: FinishedReplay["outcome"]): Promise<FinishedReplay | undefined> {
    const route = this.#routes.get(sink);
    if (!route) return undefined;
    await route.close();
    await this.#options.places.remove(replayNameOf(sink));
    this.#routes.delete(sink);
    const finished = { sink, outcome, balance: route.status.balance };
    this.#finished.push(finished);
    if (this.#finished.length > FINISHED_MAX) this.#finished.shift();
    return finished;
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const done = this.#changing.then(change);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  #idle(entry: RouteEntry): Promise<IdleRoute> {
    const { spool, partition, clock, warn } = this.#options;
    return openIdleRoute({ spool, partition, entry, reason: "its sink does not run", clock, warn });
  }

  #sinkOf(name: string): ReplaySink {
    const sink = this.#options.sinkOf(name);
    if (!sink) throw new SluiceError("SINK_NOT_RUNNING", { name });
    return sink;
  }

  #rangeOf({ from = 0, until = Number.POSITIVE_INFINITY }: ReplayRequest) {
    const { firstOffset, nextOffset } = this.#options.spool.state;
    const start = Math.min(Math.max(from, firstOffset), nextOffset);
    return { from: start, until: Math.max(start, Math.min(until, nextOffset)) };
  }
}

function isEvent(record: SpoolRecord): boolean {
  try {
    return record.event !== undefined;
  } catch {
    return false;
  }
}

function within({ since, before }: Pick<ReplayRequest, "since" | "before">): (event: Event) => boolean {
  const fromMs = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
  const toMs = before === undefined ? Number.POSITIVE_INFINITY : Date.parse(before);
  return ({ time }) => {
    const atMs = Date.parse(time);
    return atMs >= fromMs && atMs < toMs;
  };
}
