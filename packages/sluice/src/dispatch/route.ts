import type { Event } from "@sluice/sdk";
import type { Clock, Random } from "@sluice/sdk/internal";
import type { Sink, SinkDefinition } from "../sinks/define.ts";
import type { Spool } from "../spool/spool.ts";
import type { BacklogLimit, BacklogStatus } from "./backlog.ts";
import type { Balance } from "./balance.ts";
import type { DeadLetters } from "./dead-letters/dead-letters.ts";
import type { Turns } from "./delivery/live-first.ts";
import type { Pace } from "./delivery/pace.ts";
import type { Figures } from "./figures.ts";
import type { Health } from "./health.ts";
import type { RouteObserver } from "./observer.ts";
import type { RouteMemory } from "./route-memory.ts";
import type { RouteState } from "./route-state.ts";

/**
 * A route takes every event of one spool partition to one sink: read → filter → batch → send → settle →
 * ledger. Events of one key (the sink's `order`) arrive in spool order, at least once; every event is settled
 * exactly once. See route-state.ts for its life, delivery/lanes.ts for who may go next, delivery/deliver.ts
 * for what comes of a batch, ledger/ledger.ts for the books.
 */
export interface Route {
  readonly status: RouteStatus;
  /** Everything below is settled, durably: it may be trimmed. */
  readonly lowOffset: number;
  /**
   * Makes the ledger durable, so that `lowOffset` is the newest there is. False if it could not be stored.
   */
  sync(): Promise<boolean>;
  readonly name: string;
  readonly limit: BacklogLimit;
  /** What the spool keeps for it: the records from its oldest unsettled one on. */
  readonly backlogBytes: number;
  /**
   * Drops what is not settled below `before`, as backlog_full, and says how many events that were at once.
   * What is in a request is not dropped before its answer has come, and holds up `lowOffset` until then.
   */
  dropOldest(before: number): number;
  /** Tries at once: a waiting or paused route probes, and events that wait on their own are due. */
  wake(): void;
  /**
   * Sends what was accepted before this call, without waiting for company, while the sink takes it and until
   * the signal aborts; then stores the ledger durably. What is left stays pending. Never rejects, and ends
   * within a second of the abort.
   */
  drain(signal: AbortSignal): Promise<void>;
  /**
   * Sends nothing more, and resolves when what is on its way is back, or the signal aborts. For a route that
   * is closed next.
   */
  rest(signal: AbortSignal): Promise<void>;
  /**
   * Breaks off what is on its way, stores the ledger durably and releases everything but the sink.
   * Idempotent.
   */
  close(): Promise<void>;
}

/** How a route is, without what it holds. */
export interface RouteHealth {
  readonly route: string;
  readonly sink: string;
  readonly health: Health;
  readonly lastError?: string;
  /** When it stopped being healthy, by the wall clock. */
  readonly troubleSinceMs?: number;
  /** When it is tried again, by the wall clock. */
  readonly waitUntilMs?: number;
}

export interface RouteStatus extends RouteHealth {
  readonly type: string;
  readonly state: RouteState;
  readonly balance: Balance;
  readonly backlog: BacklogStatus;
  /** Records that are not settled. */
  readonly lag: number;
  /** By the oldest pending event's own time. */
  readonly oldestAgeMs?: number;
  /** Batches on their way. */
  readonly inFlight: number;
}

export interface RouteOptions {
  /** The route's, and its ledger's. */
  readonly name: string;
  /** The sink's, where that is another. */
  readonly sinkName?: string;
  /** What the route has to know of the sink's definition. */
  readonly definition: Pick<SinkDefinition, "type" | "limits" | "order" | "isKeyless" | "inFlight" | "skips">;
  /** Open; whoever opened it closes it, after the route. */
  readonly sink: Sink;
  readonly spool: Spool;
  readonly partition?: number;
  /** From routes.json. */
  readonly place: string;
  readonly firstOffset: number;
  /** Opened for `place`; the route closes it. */
  readonly openDeadLetters: (low: number) => Promise<DeadLetters>;
  readonly filter?: (event: Event) => boolean;
  readonly sample?: (event: Event) => Event | undefined;
  /** The route ends before this offset, and says so; absent: never. */
  readonly until?: number;
  /** Everything below `until` is settled. Once. */
  readonly onDone?: () => void;
  /** Where several routes share a sink. */
  readonly turns?: Turns;
  /** The sink's own by default; where several routes share it, one for all. */
  readonly pace?: Pace;
  readonly backlog?: BacklogLimit;
  readonly figures?: Partial<Figures>;
  /** Its part of what all routes may hold; by default it is the only one. */
  readonly memory?: RouteMemory;
  readonly observer: RouteObserver;
  readonly clock: Clock;
  readonly random: Random;
}
