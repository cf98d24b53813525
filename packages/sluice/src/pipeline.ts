import { type Disk, oneSyncAtATime } from "@sluice/sdk/internal";
import { type AssemblerSeat, openAssemblerSeat } from "./assembler-seat.ts";
import type { Assembler } from "./dispatch/assembler/assembler.ts";
import { ASSEMBLER_NAME } from "./dispatch/assembler/assembler-life.ts";
import { admitLateEnds } from "./dispatch/assembler/late-ends.ts";
import { Backlogs } from "./dispatch/backlogs.ts";
import { DeadLetterRoom, deadLetterBytesFor } from "./dispatch/dead-letters/dead-letter-room.ts";
import type { Desk, LetterDesk } from "./dispatch/dead-letters/letter-desk.ts";
import { FillRate } from "./dispatch/fill-rate.ts";
import { IntakeGate } from "./dispatch/intake-gate.ts";
import { holderOf, openRetention, type Retention } from "./dispatch/retention.ts";
import type { RouteStatus } from "./dispatch/route.ts";
import { openRoutes, ROUTES_BYTES_MAX, type Routes } from "./dispatch/route-registry.ts";
import { type Guard, openGuard } from "./dispatch/suspects/guard.ts";
import { checkFormats } from "./formats.ts";
import { createHub, type Hub } from "./live/hub.ts";
import { shown } from "./live/shown.ts";
import type { PipelineOptions, PipelineSink } from "./pipeline-options.ts";
import type { Replays } from "./replays.ts";
import { lettersOf } from "./seat.ts";
import { type SinkChange, SinkRoutes } from "./sink-routes.ts";
import type { Intake } from "./sources/intake.ts";
import { movePlanted } from "./spool/file/planted.ts";
import { openFileSpool } from "./spool/file/spool.ts";
import type { Durability, Spool, SpoolState } from "./spool/spool.ts";
import { Meter, type Metering } from "./transforms/meter.ts";
import { metered } from "./transforms/metered.ts";

export type { Binding } from "./dispatch/assembler/parking.ts";
export type { Balance } from "./dispatch/balance.ts";
export type { Desk, LetterOutcome } from "./dispatch/dead-letters/letter-desk.ts";
export { readLetters, type StoredLetter } from "./dispatch/dead-letters/stored-letter.ts";
export type { Attempt } from "./dispatch/observer.ts";
export type { RouteHealth, RouteStatus } from "./dispatch/route.ts";
export type { PipelineObserver, PipelineOptions, PipelineSink, SpoolOptions } from "./pipeline-options.ts";
export type { FinishedReplay, ReplayPlan, Replays } from "./replays.ts";
export type { SinkChange } from "./sink-routes.ts";
export type { Durability } from "./spool/spool.ts";
export type { Metered, Metering } from "./transforms/meter.ts";

export interface PipelineStatus {
  readonly bootId: string;
  readonly spool: SpoolState & {
    readonly path: string;
    /** When it will be full if it goes on filling as it does; absent while it does not. */
    readonly fullInMs?: number;
  };
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
   * Takes up other sinks; see `SinkRoutes.apply`. Everything else stays as it was when this was opened.
   */
  applySinks(sinks: readonly PipelineSink[]): Promise<readonly SinkChange[]>;
  /** Counts and prices by this from now on. What is in the log stays as it is. */
  applyMetering(metering: Metering): void;
  /** Sends a part of the log to a sink once more. */
  readonly replays: Replays;
  /** Where a person decides about the dead letters of a sink, of its replays or of the assembler. @throws SluiceError SINK_NOT_RUNNING. */
  letterDesk(route: string): Desk;
  /** See `SinkRoutes.check`. */
  checkSink(name: string, signal: AbortSignal): Promise<string | undefined>;
  /** See `SinkRoutes.forget`. */
  forgetSink(name: string): Promise<number>;
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
  #sinks: SinkRoutes | undefined;
  #opened: Opened | undefined;
  #places: Routes | undefined;
  #spool: Spool | undefined;
  #guard: Guard | undefined;
  #meter: Meter | undefined;
  #assembler: Assembler | undefined;
  #desk: LetterDesk | undefined;
  #retention: Retention | undefined;
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#disk = oneSyncAtATime(options.disk);
    this.#letterRoom = new DeadLetterRoom(deadLetterBytesFor(options.spool.maxBytes));
    this.hub = createHub(options.clock);
  }

  /**
   * In the order in which an event meets the stages, so that nothing is read before what comes after it is
   * there.
   */
  async open(): Promise<void> {
    const { dataDir, clock, random, observer, owner, version = "" } = this.#options;
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
    const { metering } = this.#options;
    const meter = new Meter({
      clock,
      metering,
      onMetered: (one) => observer.onMetered?.(one),
      isStored: (id) => stored.layout.offsetOf(PARTITION, id) !== undefined,
    });
    this.#meter = meter;
    const spool = metered(shown(guard.spool, this.hub), meter);

    const places = await openRoutes({ disk, random, dataDir, offsets: () => spool.state });
    this.#places = places;
    const letterRoom = this.#letterRoom;
    await letterRoom.count(disk, lettersOf(this.#options));
    const ground = { options: this.#options, disk, spool, places, letterRoom };
    const seat = await openAssemblerSeat(ground);
    const { assembler } = seat;
    this.#assembler = assembler;
    this.#desk = seat.desk;

    const partition = PARTITION;
    const sinks = new SinkRoutes({ ...ground, partition });
    this.#sinks = sinks;
    await sinks.open();
    const routes = () => sinks.all;
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
    const holder = () => {
      const { backlog } = assembler.status;
      return holderOf(
        routes().map(({ status }) => status),
        backlog.bytes,
      );
    };
    const gate = new IntakeGate({ spool, backlogs, retention, assembler, holder });
    this.#opened = { ...seat, spool, meter, backlogs, gate, sinks, fill: new FillRate(clock) };
  }

  get intake(): Intake {
    return this.intakeFor("disk");
  }

  intakeFor(durability: Durability): Intake {
    const { spool, bootId, gate, meter } = this.#stages();
    const { clock } = this.#options;
    const place = { spool, partition: PARTITION, clock, signal: this.#closed.signal };
    return {
      bootId,
      durability,
      append: async (records, signal) => {
        // Before the gate, which has to know how long they are, and may try twice.
        const added = meter.add(records, signal);
        const ready = added instanceof Promise ? await added : added;
        const outcomes = await gate.append(ready, signal, durability);
        return admitLateEnds(records, outcomes, place);
      },
    };
  }

  status(): PipelineStatus {
    const { spool, assembler, bootId, backlogs, gate, sinks, fill } = this.#stages();
    const refusing = spool.state.refusing ?? backlogs.refusing ?? gate.refusing;
    const path = `${this.#options.dataDir}/spool`;
    const fullInMs = fill.fullInMs(spool.state);
    return {
      bootId,
      spool: {
        ...spool.state,
        path,
        ...(fullInMs !== undefined && { fullInMs }),
        ...(refusing !== undefined && { refusing }),
      },
      sinks: sinks.all.map((route) => route.status),
      assembler: assembler.status,
    };
  }

  applySinks(sinks: readonly PipelineSink[]): Promise<readonly SinkChange[]> {
    return this.#stages().sinks.apply(sinks);
  }

  applyMetering(metering: Metering): void {
    this.#stages().meter.apply(metering);
  }

  letterDesk(route: string): Desk {
    const { sinks, desk } = this.#stages();
    return route === ASSEMBLER_NAME ? desk : sinks.deskOf(route);
  }

  checkSink(name: string, signal: AbortSignal): Promise<string | undefined> {
    return this.#stages().sinks.check(name, signal);
  }

  get replays(): Replays {
    return this.#stages().sinks.replays;
  }

  forgetSink(name: string): Promise<number> {
    return this.#stages().sinks.forget(name);
  }

  async drain(graceMs: number): Promise<void> {
    const grace = new AbortController();
    const timer = this.#options.clock.after(graceMs, () => grace.abort());
    await this.#stages().sinks.drain(grace.signal);
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
      // Whoever waits for a count is appended without one, while there is a spool.
      [this.#meter, this.#retention],
      [this.#sinks, this.#desk],
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

  #stages(): Opened {
    if (!this.#opened) throw new Error("the pipeline is not open");
    return this.#opened;
  }
}

interface Opened extends AssemblerSeat {
  readonly spool: Spool;
  readonly meter: Meter;
  readonly backlogs: Backlogs;
  readonly gate: IntakeGate;
  readonly sinks: SinkRoutes;
  readonly fill: FillRate;
}

/** The spool sees to its own files; here are the ones beside it. */
async function clearWay(disk: Disk, dataDir: string, warn: (message: string) => void): Promise<void> {
  const letters = (await disk.list(`${dataDir}/deadletters`)).map((name) => `deadletters/${name}`);
  const moved = await movePlanted(disk, dataDir, ["routes.json", "suspect", "set-aside", ...letters]);
  for (const name of moved) warn(`${name} was no file, and was moved to quarantine/.`);
}
