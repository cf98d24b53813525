import type { Event } from "@sluice/sdk";
import type { Disk } from "@sluice/sdk/internal";
import type { DeadLetterRoom } from "./dispatch/dead-letters/dead-letter-room.ts";
import { type DeadLetters, deadLetterPath, openDeadLetters } from "./dispatch/dead-letters/dead-letters.ts";
import { LetterDesk } from "./dispatch/dead-letters/letter-desk.ts";
import { LiveFirst } from "./dispatch/delivery/live-first.ts";
import { createPace, slower } from "./dispatch/delivery/pace.ts";
import { type IdleRoute, openIdleRoute } from "./dispatch/idle-route.ts";
import type { Route } from "./dispatch/route.ts";
import type { RouteMemory } from "./dispatch/route-memory.ts";
import type { ReplayEntry, RouteEntry } from "./dispatch/route-registry.ts";
import { createShape } from "./dispatch/shape.ts";
import { openRoute } from "./dispatch/sink-route.ts";
import type { PipelineOptions, PipelineSink } from "./pipeline-options.ts";
import type { ReplaySink } from "./replays.ts";
import type { Sink, SinkDefinition } from "./sinks/define.ts";
import { within } from "./sinks/within.ts";
import type { Spool } from "./spool/spool.ts";

/** What a sink is in this process: its route, running or not, and what it was made from. */
export interface Seat {
  /** Absent for a sink that is not in the configuration any more. */
  readonly configured?: PipelineSink;
  readonly route: Route | IdleRoute;
  readonly sink?: Sink;
  /** How a replay is sent to it, where it runs. */
  readonly replay?: ReplaySink;
  readonly desk?: LetterDesk;
}

/** What all seats stand on. */
export interface SeatGround {
  readonly options: PipelineOptions;
  readonly disk: Disk;
  readonly spool: Spool;
  readonly partition: number;
  readonly letterRoom: DeadLetterRoom;
}

export interface SeatOptions {
  readonly configured: PipelineSink;
  readonly definition: SinkDefinition;
  readonly entry: RouteEntry;
  readonly memory: RouteMemory;
  onReplayDone(): void;
}

/** A replay is in no hurry. */
const REPLAY_READ_AHEAD_BYTES = 2 * 1024 * 1024;
/** Faster, and it would take all of the processor, and live events would feel it. */
const REPLAY_REQUESTS_PER_SECOND = 200;

/** A sink that takes longer to open is as good as none, and must not hold up the others' changes. */
const OPEN_MS = 10_000;

/** What each of its parts may take when a sink is changed or taken out. */
export const CLOSE_MS = 5_000;

export function lettersOf({ dataDir }: PipelineOptions): string {
  return `${dataDir}/deadletters`;
}

/** Opens a sink and its route. Leaves nothing open when it rejects. */
export async function openSeat(ground: SeatGround, options: SeatOptions): Promise<Seat> {
  const { clock, observer, dataDir } = ground.options;
  const { configured, definition } = options;
  const { name, params } = configured;
  const { disk } = ground;
  const opening = definition.open(params, { name, clock, disk, dataDir, warn: observer.warn });
  const sink = await within(OPEN_MS, clock, opening);
  if (!sink) {
    void opening.then((late) => late.close()).catch(() => undefined);
    throw new Error(`"${name}" did not open within ${OPEN_MS / 1_000} s`);
  }
  try {
    return await openRoutes(ground, options, sink);
  } catch (error) {
    await sink.close();
    throw error;
  }
}

/**
 * Ends what stands on a seat, however its sink behaves: what is on its way may arrive until the signal
 * aborts, and not for long; what is left is sent again.
 */
export async function closeSeat(ground: SeatGround, seat: Seat, signal: AbortSignal): Promise<void> {
  const { route, sink, desk } = seat;
  const { clock, observer } = ground.options;
  const patience = new AbortController();
  const timer = clock.after(CLOSE_MS, () => patience.abort());
  if (isRunning(route)) await route.rest(AbortSignal.any([signal, patience.signal]));
  timer.cancel();
  await within(CLOSE_MS, clock, desk?.close());
  await route.close();
  // It is given up either way, and must not keep the next one from its place.
  await within(CLOSE_MS, clock, sink?.close()).catch((error: unknown) =>
    observer.warn(`The sink "${route.name}" could not be closed: ${String(error)}`),
  );
}

export function isRunning(route: Route | IdleRoute): route is Route {
  return "wake" in route;
}

/** A route that nobody runs. */
export async function openIdleSeat(
  ground: SeatGround,
  entry: RouteEntry,
  reason: string,
  configured?: PipelineSink,
): Promise<Seat> {
  const { options, spool, partition } = ground;
  const { clock, observer } = options;
  const route = await openIdleRoute({ spool, partition, entry, reason, clock, warn: observer.warn });
  return { ...(configured && { configured }), route };
}

/** The live route now, and a replay's when somebody asks for it: both to one sink, at one pace. */
async function openRoutes(ground: SeatGround, options: SeatOptions, sink: Sink): Promise<Seat> {
  const { disk, spool, partition } = ground;
  const { clock, random, observer } = ground.options;
  const { configured, definition, entry, memory, onReplayDone } = options;
  const { name, type, params, filter, sample, backlog, retry } = configured;
  const limits = { ...definition.limits, ...definition.tune?.(params) };
  const pace = createPace(limits.requestsPerSecond, clock);
  const turns = new LiveFirst();
  const common = {
    sink,
    spool,
    partition,
    ...(sample && { sample }),
    figures: { ...(retry?.maxWaitMs !== undefined && { waitMsMax: retry.maxWaitMs }) },
    memory,
    observer,
    clock,
    random,
  };
  let letters: DeadLetters | undefined;
  const route = await openRoute({
    ...common,
    ...placeOf(entry),
    definition: { ...definition, limits },
    openDeadLetters: async (low) => {
      letters = await openLetters(ground, entry, low);
      return letters;
    },
    ...(filter && { filter }),
    ...(backlog && { backlog }),
    pace,
    turns: turns.live,
  });
  const openReplay = (at: RouteEntry, { until, rate }: ReplayEntry, within: Condition) => {
    const events = rate === undefined ? limits.events : Math.min(limits.events, Math.ceil(rate));
    return openRoute({
      ...common,
      ...placeOf(at),
      sinkName: name,
      definition: { ...definition, limits: { ...limits, events }, inFlight: 1 },
      openDeadLetters: (low) => openLetters(ground, at, low),
      filter: both(filter, within),
      figures: { ...common.figures, readAheadBytes: REPLAY_READ_AHEAD_BYTES },
      backlog: { whenFull: "drop_oldest" },
      pace: slower(
        pace,
        createPace(Math.min(REPLAY_REQUESTS_PER_SECOND, (rate ?? Infinity) / events), clock),
      ),
      turns: turns.replay(),
      until,
      onDone: onReplayDone,
    });
  };
  const shape = (within: Condition) =>
    createShape({ skips: definition.skips, filter: both(filter, within), sample });
  const deskFor = (route: string, its: DeadLetters) =>
    new LetterDesk({
      disk,
      path: deadLetterPath(lettersOf(ground.options), route),
      letters: its,
      sink,
      limits,
    });
  const decide: ReplaySink["decide"] = async (at, decision) => {
    // Whatever it holds is settled: nothing of it has to be known.
    const left = await openLetters(ground, { name: at, place: "" }, Number.POSITIVE_INFINITY);
    try {
      return await decision(deskFor(at, left));
    } finally {
      await left.close();
    }
  };
  return {
    configured,
    route,
    sink,
    replay: { type, shape, openReplay, decide },
    ...(letters && { desk: deskFor(name, letters) }),
  };
}

function placeOf({ name, place, firstOffset }: RouteEntry) {
  return { name, place, firstOffset };
}

function openLetters(
  ground: SeatGround,
  { name, place }: Pick<RouteEntry, "name" | "place">,
  low: number,
): Promise<DeadLetters> {
  const { options, disk, letterRoom: room } = ground;
  const { clock } = options;
  return openDeadLetters({ disk, clock, directory: lettersOf(options), sink: name, place, low, room });
}

type Condition = (event: Event) => boolean;

function both(first: Condition | undefined, second: Condition): Condition {
  return first ? (event) => first(event) && second(event) : second;
}
