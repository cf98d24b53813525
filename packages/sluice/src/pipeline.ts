import type { Event } from "@sluice/sdk";
import type { Clock, Disk, Random } from "@sluice/sdk/internal";
import type { Hub } from "./live/hub.ts";
import type { Delivery } from "./sinks/delivery.ts";
import type { Intake } from "./sources/intake.ts";
import type { SpoolState } from "./spool/spool.ts";

/** Everything a pipeline needs. Nothing is read from the environment, and no default hides here: `config/` has them. */
export interface PipelineOptions {
  readonly dataDir: string;
  readonly spool: SpoolOptions;
  readonly sinks: readonly PipelineSink[];
  readonly observer: PipelineObserver;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
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
  /** The name this sink had before: its ledger comes along. */
  readonly was?: string;
  /** Events for which this is false are settled as skipped{filtered}. */
  readonly filter?: (event: Event) => boolean;
  readonly backlog?: { readonly maxBytes?: number; readonly whenFull: "block" | "drop_oldest" };
  readonly retry?: { readonly maxWaitMs?: number };
}

/** What a pipeline tells while it works. Called synchronously from the delivery path: cheap, and never throws. */
export interface PipelineObserver {
  onAttempt(attempt: Attempt): void;
  onState(sink: string, state: string, reason: string | undefined): void;
  onInFlight(sink: string, batches: number): void;
  /** Something a person should see. Never with a secret in it. */
  warn(message: string): void;
}

/** One request to a backend and what came of it. */
export interface Attempt {
  readonly sink: string;
  readonly outcome: Delivery["status"];
  readonly reason?: string;
  /** 1 for the first try of a batch. */
  readonly attempt: number;
  readonly events: number;
  readonly durationMs: number;
  /** At most 5 of the batch's runs. */
  readonly runIds: readonly string[];
  readonly httpStatus?: number;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
}

/** accepted = pending + delivered + Σskipped + deadLettered + Σdropped, always. */
export interface Balance {
  readonly accepted: number;
  readonly pending: number;
  readonly delivered: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly deadLettered: number;
  readonly dropped: Readonly<Record<string, number>>;
}

export interface RouteStatus {
  readonly route: string;
  readonly sink: string;
  readonly type: string;
  readonly state: { readonly name: string };
  readonly balance: Balance;
  /** Records that are not settled. */
  readonly lag: number;
  readonly oldestAgeMs?: number;
  /** Batches on the wire. */
  readonly inFlight: number;
  readonly lastError?: string;
  readonly waitUntilMs?: number;
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
  /** Sends what is pending for at most `graceMs`, then returns; what is left stays in the spool. Never rejects. */
  drain(graceMs: number): Promise<void>;
  /** Syncs and releases everything. Idempotent. What was acknowledged is safe by then. */
  close(): Promise<void>;
}

/** Opens a data directory and starts every route. Rejects with a SluiceError when it cannot be used or is busy. */
export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  throw new Error(`The pipeline for ${options.dataDir} is not wired yet.`);
}
