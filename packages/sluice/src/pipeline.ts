import { type Event, KIND_CODES } from "@sluice/sdk";
import { type Clock, type Disk, decodeEvent, oneSyncAtATime, type Random } from "@sluice/sdk/internal";
import { type Assembler, openAssembler } from "./dispatch/assembler/assembler.ts";
import { createBootId } from "./dispatch/assembler/boot.ts";
import { appendLateEnd } from "./dispatch/assembler/ends.ts";
import { openDeadLetters } from "./dispatch/dead-letters/dead-letters.ts";
import { type IdleRoute, openIdleRoute } from "./dispatch/idle-route.ts";
import type { RouteObserver } from "./dispatch/observer.ts";
import { holderOf, openRetention, type Retention } from "./dispatch/retention.ts";
import type { Route, RouteStatus } from "./dispatch/route.ts";
import { openRoutes, type RouteEntry, type Routes } from "./dispatch/route-registry.ts";
import { openRoute } from "./dispatch/sink-route.ts";
import { SluiceError } from "./errors.ts";
import { createHub, type Hub } from "./live/hub.ts";
import { shown } from "./live/shown.ts";
import type { Sink, SinkDefinition } from "./sinks/define.ts";
import { sinkOfType, sinks } from "./sinks/registry.ts";
import type { Intake } from "./sources/intake.ts";
import { openFileSpool } from "./spool/file/spool.ts";
import {
  type AppendOutcome,
  FLAG_PARTIAL,
  type NewRecord,
  type Spool,
  type SpoolState,
} from "./spool/spool.ts";

export type { Balance } from "./dispatch/balance.ts";
export type { Attempt, RouteObserver as PipelineObserver } from "./dispatch/observer.ts";
export type { RouteStatus } from "./dispatch/route.ts";

/**
 * Everything a pipeline needs. Nothing is read from the environment, and no default hides here: `config/` has
 * them.
 */
export interface PipelineOptions {
  readonly dataDir: string;
  readonly spool: SpoolOptions;
  readonly sinks: readonly PipelineSink[];
  readonly observer: RouteObserver;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  /** For people who look at `owner.json`. */
  readonly version?: string;
}

export interface SpoolOptions {
  /** The spool never takes more than this. */
  readonly maxBytes: number;
  /** Intake stops when the volume has less than this free. */
  readonly minFreeBytes: number;
  /** How long settled records stay for replay, while there is room. */
  readonly keepForMs: number;
}

export interface PipelineSink {
  readonly name: string;
  readonly type: string;
  /** False keeps the route's place and its backlog, and sends nothing. */
  readonly enabled: boolean;
  /** As the definition's zod options gave them back. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Where a route without a ledger starts. Absent: "oldest" in a new data directory, else "now". */
  readonly from?: "oldest" | "now";
  /** Events for which this is false are settled as skipped{filtered}. */
  readonly filter?: (event: Event) => boolean;
  readonly retry?: { readonly maxWaitMs?: number };
}

export interface PipelineStatus {
  readonly bootId: string;
  readonly spool: SpoolState & { readonly path: string };
  readonly sinks: readonly RouteStatus[];
  readonly assembler: RouteStatus;
}

/** All stages, wired and running. */
export interface Pipeline {
  readonly intake: Intake;
  readonly hub: Hub;
  /** A snapshot; cheap enough to call for every scrape. */
  status(): PipelineStatus;
  /**
   * Sends what is pending for at most `graceMs`, then returns; what is left stays in the spool. Never
   * rejects.
   */
  drain(graceMs: number): Promise<void>;
  /** Syncs and releases everything. Idempotent. What was acknowledged is safe by then. */
  close(): Promise<void>;
}

/** The file spool has one partition. */
const PARTITION = 0;
/** The assembler's entry in routes.json. Its destination is the spool itself, and never changes. */
const ASSEMBLER = { name: "assembler", type: "assembler", destination: "spool" };

/**
 * Opens a data directory and starts every route: sources → spool → dispatch → sinks, and the live hub beside
 * them. Rejects with a SluiceError when the directory cannot be used or is busy, and then leaves nothing
 * open.
 */
export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  const stages = new Stages(options);
  try {
    await stages.open();
    return stages;
  } catch (error) {
    // The failure that led here is the one to tell.
    await stages.close().catch(() => undefined);
    throw error;
  }
}

class Stages implements Pipeline {
  readonly hub: Hub;
  readonly #options: PipelineOptions;
  readonly #disk: Disk;
  readonly #routes: Route[] = [];
  readonly #idle: IdleRoute[] = [];
  readonly #sinks: Sink[] = [];
  #opened: Opened | undefined;
  #places: Routes | undefined;
  #spool: Spool | undefined;
  #retention: Retention | undefined;
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#disk = oneSyncAtATime(options.disk);
    this.hub = createHub(options.clock);
  }

  /**
   * In the order in which an event meets the stages, so that nothing is read before what comes after it is
   * there.
   */
  async open(): Promise<void> {
    const { dataDir, clock, random, observer, version = "" } = this.#options;
    const definitions = this.#options.sinks.map(definitionOf);
    const disk = this.#disk;
    const limits = this.#options.spool;
    const spool = shown(await openFileSpool({ ...limits, dataDir, disk, clock, random, version }), this.hub);
    this.#spool = spool;

    const places = await openRoutes({ disk, random, dataDir, offsets: () => spool.state });
    this.#places = places;
    const bootId = createBootId(places.dataDirId, random);
    const assembler = await openAssembler({
      ...(await places.register(ASSEMBLER)),
      spool,
      bootId,
      observer,
      clock,
    });
    this.#opened = { spool, assembler, bootId };

    for (const [index, sink] of this.#options.sinks.entries()) {
      const definition = definitions[index];
      if (definition) await this.#openSink(spool, places, sink, definition);
    }
    for (const entry of places.list().filter(({ isDetached }) => isDetached)) {
      observer.warn(
        `The sink "${entry.name}" is not in the configuration any more. What it has not got is kept for its return, and takes space.`,
      );
      await this.#leaveIdle(spool, entry, "detached: it is not in the configuration any more");
    }
    const routes = () => [...this.#routes, ...this.#idle, assembler];
    const { keepForMs } = limits;
    this.#retention = openRetention({ spool, partition: PARTITION, clock, keepForMs, routes });
  }

  get intake(): Intake {
    const { spool, bootId } = this.#stages();
    return { bootId, append: (records, signal) => this.#append(spool, records, signal) };
  }

  status(): PipelineStatus {
    const { spool, assembler, bootId } = this.#stages();
    return {
      bootId,
      spool: { ...spool.state, path: `${this.#options.dataDir}/spool` },
      sinks: [...this.#routes, ...this.#idle].map((route) => route.status),
      assembler: assembler.status,
    };
  }

  async drain(graceMs: number): Promise<void> {
    const grace = new AbortController();
    const timer = this.#options.clock.after(graceMs, () => grace.abort());
    await Promise.all(this.#routes.map((route) => route.drain(grace.signal)));
    timer.cancel();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * Readers before what they read, and every ledger before the spool that stores it. What cannot be closed
   * keeps nothing else open, least of all the spool, which holds the lock on the directory.
   */
  async #close(): Promise<void> {
    this.#closed.abort();
    this.hub.close();
    const steps: readonly (readonly ({ close(): Promise<void> } | undefined)[])[] = [
      [this.#retention],
      this.#routes,
      this.#sinks,
      [this.#opened?.assembler],
      [this.#places],
      [this.#spool],
    ];
    const failures: unknown[] = [];
    for (const step of steps) {
      for (const closed of await Promise.allSettled(step.map((part) => part?.close()))) {
        if (closed.status === "rejected") failures.push(closed.reason);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #append(
    spool: Spool,
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
  ): Promise<readonly AppendOutcome[]> {
    const outcomes = await spool.append(records, signal);
    if (!outcomes.some(({ status }) => status === "conflict" || status === "full")) return outcomes;
    const holder = outcomes.some(({ status }) => status === "full") ? this.#relieve() : undefined;
    return Promise.all(
      outcomes.map((outcome, index) =>
        outcome.status === "full" && holder !== undefined
          ? { ...outcome, reason: `${outcome.reason}; ${holder}` }
          : this.#admitLate(spool, outcome, records[index]),
      ),
    );
  }

  /** A full spool gives back at once what it can, and says for whom it keeps the rest. */
  #relieve(): string | undefined {
    void this.#retention?.sweep();
    return holderOf(this.status().sinks);
  }

  /** The complete end of a run that the assembler has closed meanwhile becomes its second revision. */
  async #admitLate(
    spool: Spool,
    outcome: AppendOutcome,
    record: NewRecord | undefined,
  ): Promise<AppendOutcome> {
    const isEnd = record?.kindCode === KIND_CODES["run.ended"] && (record.flags & FLAG_PARTIAL) === 0;
    if (outcome.status !== "conflict" || !isEnd) return outcome;
    const end = decodeEvent(record.body);
    return appendLateEnd(spool, PARTITION, end, outcome.offset, this.#closed.signal);
  }

  async #openSink(
    spool: Spool,
    places: Routes,
    configured: PipelineSink,
    definition: SinkDefinition,
  ): Promise<void> {
    const { clock, random, observer, dataDir } = this.#options;
    const { name, type, params, filter, retry } = configured;
    const entry = await places.register(
      { name, type, destination: definition.destination(params) },
      configured.from,
    );
    if (!configured.enabled) {
      await this.#leaveIdle(spool, entry, "disabled in the configuration");
      return;
    }
    const disk = this.#disk;
    const sink = await definition.open(params, { name, clock, disk, dataDir, warn: observer.warn });
    this.#sinks.push(sink);
    const { place, firstOffset } = entry;
    const route = await openRoute({
      name,
      definition: { ...definition, limits: { ...definition.limits, ...definition.tune?.(params) } },
      sink,
      spool,
      partition: PARTITION,
      place,
      firstOffset,
      openDeadLetters: (low) =>
        openDeadLetters({ disk, clock, directory: `${dataDir}/deadletters`, sink: name, place, low }),
      ...(filter && { filter }),
      ...(retry?.maxWaitMs !== undefined && { figures: { waitMsMax: retry.maxWaitMs } }),
      observer,
      clock,
      random,
    });
    this.#routes.push(route);
  }

  async #leaveIdle(spool: Spool, entry: RouteEntry, reason: string): Promise<void> {
    this.#idle.push(await openIdleRoute({ spool, entry, reason, clock: this.#options.clock }));
  }

  #stages(): Opened {
    if (!this.#opened) throw new Error("the pipeline is not open");
    return this.#opened;
  }
}

interface Opened {
  readonly spool: Spool;
  readonly assembler: Assembler;
  readonly bootId: string;
}

function definitionOf({ type }: PipelineSink): SinkDefinition {
  const definition = sinkOfType(type);
  if (definition) return definition;
  const known = sinks.map((sink) => sink.type).join(", ");
  throw new SluiceError("CONFIG_UNKNOWN_SINK", { type, nearest: "", known });
}
