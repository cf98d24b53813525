import type { Event } from "@sluice/sdk";
import type { Clock, Disk, Output } from "@sluice/sdk/internal";
import type { z } from "zod";
import type { Delivery } from "./delivery.ts";

/**
 * One event on its way out. `raw` is the JSON as it was spooled; `event` decodes it on first use, once for
 * all routes.
 */
export interface Outgoing {
  readonly id: string;
  readonly raw: Uint8Array;
  readonly event: Event;
}

/** An open sink. `send` never throws and ends soon after its signal aborts; events come in spool order. */
export interface Sink {
  send(batch: readonly Outgoing[], signal: AbortSignal): Promise<Delivery>;
  /**
   * Can this sink deliver, as far as one can know without sending an event? Resolves to a sentence if not.
   */
  check(signal: AbortSignal): Promise<string | undefined>;
  /** Releases everything. Idempotent. What was reported delivered is safe by then. */
  close(): Promise<void>;
}

export interface SinkContext {
  /** The sink's name in the configuration. */
  readonly name: string;
  readonly clock: Clock;
  readonly disk: Disk;
  /** Where relative paths start. */
  readonly dataDir: string;
  /** Where the console sink writes; standard output unless a test or an embedder says otherwise. */
  readonly output?: Output;
  /** Something a person should see. Never with a secret in it. */
  warn(message: string): void;
}

export interface SinkLimits {
  /** Events in one `send`. */
  readonly events: number;
  /** Sum of the raw bytes in one `send`. */
  readonly bytes: number;
  readonly requestsPerSecond?: number;
  /** How long a batch may wait for company. */
  readonly ageMs?: number;
}

/** What its reference page says beyond its options. */
export interface SinkDocs {
  /** A `[[sinks]]` table that works as it stands. */
  readonly example: string;
  /** What becomes of each kind of event. */
  readonly mapping: readonly (readonly [event: string, becomes: string])[];
  /** What a user must know and cannot see from the options: sentences. */
  readonly notes?: readonly string[];
}

/**
 * What a sink is. One definition feeds parsing, lint, help and documentation.
 * - `order`: events with one key are never in two unsettled batches, and come in spool order. "none" lets
 *   batches overlap freely.
 * - `skips`: why an event of this kind code is not for this sink, decided without decoding; undefined sends
 *   it.
 */
export interface SinkDefinition<Type extends string = string, Options extends z.ZodObject = z.ZodObject> {
  readonly type: Type;
  /** One sentence for help and docs. */
  readonly summary: string;
  readonly options: Options;
  readonly limits: SinkLimits;
  /** What the options change of the limits: a server of one's own may take more. */
  tune?(options: z.output<Options>): Partial<SinkLimits>;
  readonly order: "none" | "run" | "trace";
  /** Kinds, by code, that keep out of that order: such an event may pass others, and be passed. */
  isKeyless?(kindCode: number): boolean;
  readonly inFlight: number;
  readonly docs?: SinkDocs;
  /**
   * What tells one destination from another (endpoint, path), never a key: a change under one name is an
   * error.
   */
  destination(options: z.output<Options>): string;
  /** The absolute path that this sink alone may write to; two sinks there would overwrite each other. */
  writesTo?(options: z.output<Options>, dataDir: string): string;
  skips?(kindCode: number): string | undefined;
  open(options: z.output<Options>, context: SinkContext): Promise<Sink>;
}

export function defineSink<const Type extends string, Options extends z.ZodObject>(
  definition: SinkDefinition<Type, Options>,
): SinkDefinition<Type, Options> {
  return definition;
}
