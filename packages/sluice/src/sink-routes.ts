import { moveDeadLetters } from "./dispatch/dead-letters/dead-letters.ts";
import type { Desk } from "./dispatch/dead-letters/letter-desk.ts";
import type { IdleRoute } from "./dispatch/idle-route.ts";
import { moveLedger } from "./dispatch/ledger/take-ledger.ts";
import type { Route } from "./dispatch/route.ts";
import { type RouteMemory, shareMemory } from "./dispatch/route-memory.ts";
import { type RouteEntry, type Routes, replayNameOf, sinkOfReplay } from "./dispatch/route-registry.ts";
import { SluiceError } from "./errors.ts";
import type { PipelineSink } from "./pipeline-options.ts";
import { Replays } from "./replays.ts";
import {
  CLOSE_MS,
  closeSeat,
  isRunning,
  lettersOf,
  openIdleSeat,
  openSeat,
  type Seat,
  type SeatGround,
} from "./seat.ts";
import type { SinkDefinition } from "./sinks/define.ts";
import { sinks as knownSinks, sinkOfType } from "./sinks/registry.ts";
import { within } from "./sinks/within.ts";

export interface SinkRoutesGround extends SeatGround {
  readonly places: Routes;
}

/** What a new configuration did to a sink. "failed": it could not be opened, and keeps its backlog. */
export interface SinkChange {
  readonly sink: string;
  readonly change: "added" | "changed" | "removed" | "failed";
  readonly reason?: string;
}

/** Shares of the memory: room for some sinks to be added before all have to be opened anew. */
const SHARES_MIN = 4;
const DETACHED = "detached: it is not in the configuration any more";

/**
 * The routes of all sinks. Sinks come, go and change while events flow: a route ends, stores its ledger, and
 * another begins where it stood, so nothing is lost, and what was on its way may come twice. A sink that is
 * not in the configuration keeps its backlog until it returns or is forgotten.
 */
export class SinkRoutes {
  readonly #ground: SinkRoutesGround;
  readonly #seats = new Map<string, Seat>();
  readonly replays: Replays;
  #shares: number;
  #memory: RouteMemory;
  readonly #closed = new AbortController();
  /** One change at a time. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(ground: SinkRoutesGround) {
    this.#ground = ground;
    this.#shares = Math.max(SHARES_MIN, ground.options.sinks.length);
    this.#memory = shareMemory(this.#shares);
    const { spool, partition, places, options } = ground;
    const { clock, observer } = options;
    const sinkOf = (name: string) => this.#seats.get(name)?.replay;
    this.replays = new Replays({ spool, partition, places, clock, sinkOf, warn: observer.warn });
  }

  /** In the order of the configuration; behind them those that are not in it, and replays. */
  get all(): readonly (Route | IdleRoute)[] {
    return [...[...this.#seats.values()].map(({ route }) => route), ...this.replays.all];
  }

  /** @throws SluiceError for the first sink that cannot be opened. */
  async open(): Promise<void> {
    const { options, places } = this.#ground;
    for (const sink of options.sinks) this.#check(sink);
    for (const sink of options.sinks) this.#seats.set(sink.name, await this.#seat(sink));
    for (const entry of places.list().filter(isDetachedSink)) {
      options.observer.warn(
        `The sink "${entry.name}" is not in the configuration any more. What it has not got is kept for its return, and takes space.`,
      );
      this.#seats.set(entry.name, await this.#idle(entry, DETACHED));
    }
    places.started();
    await this.replays.open();
  }

  /**
   * Takes up another configuration. Sinks that are configured as before go on, and try at once if they wait.
   * Rejects before anything is changed if a sink is of no known type, or stands for another destination than
   * before. Once this is closing nothing is changed any more.
   */
  apply(sinks: readonly PipelineSink[]): Promise<readonly SinkChange[]> {
    return this.#inTurn(() => this.#apply(sinks));
  }

  /**
   * Gives up what a sink has not got, and its place: for one that is not in the configuration any more.
   * Resolves to how many events were dropped, as `sink_removed`.
   * @throws SluiceError SINK_UNKNOWN, SINK_CONFIGURED.
   */
  forget(name: string): Promise<number> {
    return this.#inTurn(() => this.#forget(name));
  }

  /**
   * Asks a sink whether it can deliver, without sending an event; undefined if it can.
   * @throws SluiceError SINK_NOT_RUNNING.
   */
  async check(name: string, signal: AbortSignal): Promise<string | undefined> {
    const sink = this.#seats.get(name)?.sink;
    if (!sink) throw new SluiceError("SINK_NOT_RUNNING", { name });
    return sink.check(signal);
  }

  /** @throws SluiceError SINK_NOT_RUNNING. */
  deskOf(name: string): Desk {
    const sink = sinkOfReplay(name);
    if (sink !== undefined) return this.replays.deskOf(sink);
    const desk = this.#seats.get(name)?.desk;
    if (!desk) throw new SluiceError("SINK_NOT_RUNNING", { name });
    return desk;
  }

  /** A replay goes on after the next start, and holds up no stop. */
  async drain(signal: AbortSignal): Promise<void> {
    const seats = [...this.#seats.values()];
    const live = seats.map(({ route }) => isRunning(route) && route.drain(signal));
    await Promise.all([...live, ...this.replays.all.map((route) => isRunning(route) && route.rest(signal))]);
  }

  /** The routes first, then the sinks that they send to. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#changing.catch(() => undefined);
    const seats = [...this.#seats.values()];
    const { clock } = this.#ground.options;
    await Promise.all(seats.map(({ desk }) => within(CLOSE_MS, clock, desk?.close())));
    const replays = this.replays.close();
    const closed = await Promise.allSettled([replays, ...seats.map(({ route }) => route.close())]);
    const sinks = await Promise.allSettled(seats.map(({ sink }) => sink?.close()));
    const failure = [...closed, ...sinks].find((each) => each.status === "rejected");
    if (failure) throw failure.reason;
  }

  async #apply(sinks: readonly PipelineSink[]): Promise<readonly SinkChange[]> {
    for (const sink of sinks) this.#check(sink);
    const { places } = this.#ground;
    // Who was renamed already has left its old name, and another may have it.
    const names = new Set(
      sinks.flatMap(({ name, was }) => (was && !places.entryOf(name) ? [name, was] : name)),
    );
    const changes: SinkChange[] = [];
    for (const [name, { configured }] of this.#seats) {
      if (!configured || names.has(name) || this.#closed.signal.aborted) continue;
      await this.#replace(name, () => this.#idle(this.#entryOf(name), DETACHED));
      changes.push({ sink: name, change: "removed" });
    }
    const isTight = sinks.length > this.#shares;
    if (isTight) {
      this.#shares = 2 * sinks.length;
      this.#memory = shareMemory(this.#shares);
    }
    for (const sink of sinks) {
      if (this.#closed.signal.aborted) break;
      const seat = this.#seats.get(sink.name);
      if (!isTight && seat?.configured && isSame(seat.configured, sink)) {
        if (isRunning(seat.route)) seat.route.wake();
        continue;
      }
      changes.push(await this.#change(sink, seat));
    }
    return changes;
  }

  async #change(sink: PipelineSink, before: Seat | undefined): Promise<SinkChange> {
    const { name, was, words: _, ...rest } = sink;
    const change = await this.#replace(name, () => this.#seat(sink)).then(
      () => ({ sink: name, change: before?.configured ? "changed" : "added" }) as const,
      async (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        // Without its words it is tried again whenever the configuration is read.
        this.#seats.set(name, await this.#idle(this.#entryOf(name), reason, { name, ...rest }));
        return { sink: name, change: "failed", reason } as const;
      },
    );
    // From now on the new one stands where that one stood, whether it runs or not.
    if (was !== undefined && !this.#ground.places.entryOf(was)) this.#seats.delete(was);
    return change;
  }

  /** Until the new route is there the old one stands in its place: retention asks how far it has come. */
  async #replace(name: string, open: () => Promise<Seat>): Promise<void> {
    const seat = this.#seats.get(name);
    if (seat) await this.#retire(seat);
    this.#seats.set(name, await open());
    await this.replays.resume(name);
  }

  async #retire(seat: Seat): Promise<void> {
    await this.replays.rest(seat.route.name);
    await closeSeat(this.#ground, seat, this.#closed.signal);
  }

  async #forget(name: string): Promise<number> {
    const { places } = this.#ground;
    const seat = this.#seats.get(name);
    if (!seat) {
      const known = [...this.#seats.keys()].join(", ");
      throw new SluiceError("SINK_UNKNOWN", { name, known });
    }
    if (seat.configured || isRunning(seat.route)) throw new SluiceError("SINK_CONFIGURED", { name });
    await this.replays.end(name);
    const dropped = await seat.route.giveUp();
    await places.remove(name);
    this.#seats.delete(name);
    await seat.route.close();
    return dropped;
  }

  async #seat(configured: PipelineSink): Promise<Seat> {
    const { places } = this.#ground;
    const { name, type, params, backlog } = configured;
    const definition = this.#definitionOf(configured);
    await this.#takeOverFrom(configured);
    const destination = definition.destination(params);
    const entry = await places.register(
      { name, type, destination, ...(backlog && { backlog }) },
      configured.from,
    );
    if (!configured.enabled) return this.#idle(entry, "disabled in the configuration", configured);
    return openSeat(this.#ground, {
      configured,
      definition,
      entry,
      memory: this.#memory,
      onReplayDone: () => this.replays.done(name),
    });
  }

  /** A sink that had another name before begins where that one stood. */
  async #takeOverFrom({ name, was }: PipelineSink): Promise<void> {
    const { options, places, spool, partition, disk, letterRoom: room } = this.#ground;
    if (was === undefined || places.entryOf(name) || !places.entryOf(was)) return;
    const seat = this.#seats.get(was);
    if (seat) await this.#retire(seat);
    await this.replays.leave(was);
    for (const [from, to] of [
      [was, name],
      [replayNameOf(was), replayNameOf(name)],
    ] as const) {
      await moveLedger(spool, partition, from, to);
      await moveDeadLetters({ disk, directory: lettersOf(options), room }, from, to);
    }
    await places.rename(was, name);
  }

  #idle(entry: RouteEntry, reason: string, configured?: PipelineSink): Promise<Seat> {
    return openIdleSeat(this.#ground, entry, reason, configured);
  }

  #check(sink: PipelineSink): void {
    const { places } = this.#ground;
    const definition = this.#definitionOf(sink);
    const { name, was = name, type, params, from } = sink;
    const known = places.entryOf(name) ? name : was;
    places.check({ name: known, type, destination: definition.destination(params) }, from);
  }

  #definitionOf({ type }: PipelineSink): SinkDefinition {
    const definition = (this.#ground.options.sinkOfType ?? sinkOfType)(type);
    if (definition) return definition;
    const known = knownSinks.map((sink) => sink.type).join(", ");
    throw new SluiceError("CONFIG_UNKNOWN_SINK", { type, nearest: "", known });
  }

  #entryOf(name: string): RouteEntry {
    const entry = this.#ground.places.entryOf(name);
    if (!entry) throw new SluiceError("SINK_UNKNOWN", { name, known: [...this.#seats.keys()].join(", ") });
    return entry;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#changing.then(work, work);
    this.#changing = done;
    return done;
  }
}

/** Configured in the same words. A sink that does not say is always opened anew. */
function isSame(before: PipelineSink, now: PipelineSink): boolean {
  return now.words !== undefined && before.words === now.words;
}

function isDetachedSink({ isDetached, replay }: RouteEntry & { readonly isDetached: boolean }): boolean {
  return isDetached && replay === undefined;
}
