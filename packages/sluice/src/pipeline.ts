import { type Disk, oneSyncAtATime } from "@sluice/sdk/internal";
import { type Assembler, openAssembler } from "./dispatch/assembler/assembler.ts";
import { createBootId } from "./dispatch/assembler/boot.ts";
import { admitLateEnds } from "./dispatch/assembler/late-ends.ts";
import { Backlogs } from "./dispatch/backlogs.ts";
import { DeadLetterRoom, deadLetterBytesFor } from "./dispatch/dead-letters/dead-letter-room.ts";
import { deadLetterPath, openDeadLetters } from "./dispatch/dead-letters/dead-letters.ts";
import { type IdleRoute, openIdleRoute } from "./dispatch/idle-route.ts";
import { IntakeGate } from "./dispatch/intake-gate.ts";
import { holderOf, openRetention, type Retention } from "./dispatch/retention.ts";
import type { Route, RouteStatus } from "./dispatch/route.ts";
import { type RouteMemory, shareMemory } from "./dispatch/route-memory.ts";
import { openRoutes, ROUTES_BYTES_MAX, type RouteEntry, type Routes } from "./dispatch/route-registry.ts";
import { openRoute } from "./dispatch/sink-route.ts";
import { type Guard, openGuard } from "./dispatch/suspects/guard.ts";
import { SluiceError } from "./errors.ts";
import { checkFormats } from "./formats.ts";
import { createHub, type Hub } from "./live/hub.ts";
import { shown } from "./live/shown.ts";
import type { PipelineOptions, PipelineSink } from "./pipeline-options.ts";
import type { Sink, SinkDefinition } from "./sinks/define.ts";
import { sinkOfType, sinks } from "./sinks/registry.ts";
import type { Intake } from "./sources/intake.ts";
import { movePlanted } from "./spool/file/planted.ts";
import { openFileSpool } from "./spool/file/spool.ts";
import type { Durability, Spool, SpoolState } from "./spool/spool.ts";

export type { Balance } from "./dispatch/balance.ts";
export type { Attempt, RouteObserver as PipelineObserver } from "./dispatch/observer.ts";
export type { RouteStatus } from "./dispatch/route.ts";
export type { PipelineOptions, PipelineSink, SpoolOptions } from "./pipeline-options.ts";
export type { Durability } from "./spool/spool.ts";

export interface PipelineStatus {
  readonly bootId: string;
  readonly spool: SpoolState & { readonly path: string };
  readonly sinks: readonly RouteStatus[];
  readonly assembler: RouteStatus;
}

/** All stages, wired and running. */
export interface Pipeline {
  /** For a source whose acknowledgements mean the disk. */
  readonly intake: Intake;
  intakeFor(durability: Durability): Intake;
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
  readonly #letterRoom: DeadLetterRoom;
  readonly #routes: Route[] = [];
  readonly #idle: IdleRoute[] = [];
  readonly #sinks: Sink[] = [];
  readonly #memory: RouteMemory;
  #opened: Opened | undefined;
  #places: Routes | undefined;
  #spool: Spool | undefined;
  #guard: Guard | undefined;
  #assembler: Assembler | undefined;
  #retention: Retention | undefined;
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#disk = oneSyncAtATime(options.disk);
    this.#letterRoom = new DeadLetterRoom(deadLetterBytesFor(options.spool.maxBytes));
    this.#memory = shareMemory(options.sinks.length);
    this.hub = createHub(options.clock);
  }

  /**
   * In the order in which an event meets the stages, so that nothing is read before what comes after it is
   * there.
   */
  async open(): Promise<void> {
    const { dataDir, clock, random, observer, owner, version = "" } = this.#options;
    const definitions = this.#options.sinks.map((sink) => definitionOf(sink, this.#options.sinkOfType));
    const disk = this.#disk;
    const headers = await checkFormats(disk, dataDir, this.#options.headers);
    const limits = this.#options.spool;
    const maxBytes = Math.max(0, limits.maxBytes - this.#letterRoom.capBytes - ROUTES_BYTES_MAX);
    const place = { dataDir, disk, clock, random, version, ...(owner && { owner }) };
    const stored = await openFileSpool({ ...limits, maxBytes, ...place, headers });
    this.#spool = stored;
    const { warn } = observer;
    await clearWay(disk, dataDir, warn);
    const { tryRecord, machineRun } = this.#options;
    const guard = await openGuard({
      spool: stored,
      partition: PARTITION,
      disk,
      clock,
      dataDir,
      tryRecord,
      machineRun,
      warn,
    });
    this.#guard = guard;
    const spool = shown(guard.spool, this.hub);

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
    this.#assembler = assembler;

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
    const routes = () => [...this.#routes, ...this.#idle];
    const partition = PARTITION;
    const backlogs = new Backlogs({ spool, partition, routes, clock, warn: observer.warn });
    const retention = openRetention({
      spool,
      partition,
      clock,
      keepForMs: limits.keepForMs,
      sinks: routes,
      assembler,
      dropOldest: (before) => backlogs.dropBelow(before),
    });
    this.#retention = retention;
    const holder = () => holderOf(routes().map(({ status }) => status));
    const gate = new IntakeGate({ spool, backlogs, retention, holder });
    this.#opened = { spool, assembler, bootId, backlogs, gate };
  }

  get intake(): Intake {
    return this.intakeFor("disk");
  }

  intakeFor(durability: Durability): Intake {
    const { spool, bootId, gate } = this.#stages();
    const { clock } = this.#options;
    const place = { spool, partition: PARTITION, clock, signal: this.#closed.signal };
    return {
      bootId,
      durability,
      append: async (records, signal) => {
        const outcomes = await gate.append(records, signal, durability);
        return admitLateEnds(records, outcomes, place);
      },
    };
  }

  status(): PipelineStatus {
    const { spool, assembler, bootId, backlogs } = this.#stages();
    const refusing = spool.state.refusing ?? backlogs.refusing;
    const path = `${this.#options.dataDir}/spool`;
    return {
      bootId,
      spool: { ...spool.state, path, ...(refusing !== undefined && { refusing }) },
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
      [...this.#routes, ...this.#idle],
      this.#sinks,
      [this.#assembler],
      [this.#places, this.#guard],
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

  async #openSink(
    spool: Spool,
    places: Routes,
    configured: PipelineSink,
    definition: SinkDefinition,
  ): Promise<void> {
    const { clock, random, observer, dataDir } = this.#options;
    const { name, type, params, filter, backlog, retry } = configured;
    const destination = definition.destination(params);
    const entry = await places.register(
      { name, type, destination, ...(backlog && { backlog }) },
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
        openDeadLetters({
          disk,
          clock,
          directory: this.#letters,
          sink: name,
          place,
          low,
          room: this.#letterRoom,
        }),
      ...(filter && { filter }),
      ...(backlog && { backlog }),
      ...(retry?.maxWaitMs !== undefined && { figures: { waitMsMax: retry.maxWaitMs } }),
      memory: this.#memory,
      observer,
      clock,
      random,
    });
    this.#routes.push(route);
  }

  async #leaveIdle(spool: Spool, entry: RouteEntry, reason: string): Promise<void> {
    const { clock, observer } = this.#options;
    await this.#letterRoom.takeFile(this.#disk, deadLetterPath(this.#letters, entry.name));
    this.#idle.push(await openIdleRoute({ spool, entry, reason, clock, warn: observer.warn }));
  }

  get #letters(): string {
    return `${this.#options.dataDir}/deadletters`;
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
  readonly backlogs: Backlogs;
  readonly gate: IntakeGate;
}

/** The spool sees to its own files; here are the ones beside it. */
async function clearWay(disk: Disk, dataDir: string, warn: (message: string) => void): Promise<void> {
  const letters = (await disk.list(`${dataDir}/deadletters`)).map((name) => `deadletters/${name}`);
  const moved = await movePlanted(disk, dataDir, ["routes.json", "suspect", "set-aside", ...letters]);
  for (const name of moved) warn(`${name} was no file, and was moved to quarantine/.`);
}

function definitionOf({ type }: PipelineSink, ofType = sinkOfType): SinkDefinition {
  const definition = ofType(type);
  if (definition) return definition;
  const known = sinks.map((sink) => sink.type).join(", ");
  throw new SluiceError("CONFIG_UNKNOWN_SINK", { type, nearest: "", known });
}
