import type { Event } from "@sluice/sdk";
import type { Clock, Disk, Random } from "@sluice/sdk/internal";
import type { Binding } from "./dispatch/assembler/parking.ts";
import type { BacklogLimit } from "./dispatch/backlog.ts";
import type { RouteObserver } from "./dispatch/observer.ts";
import type { Trial } from "./dispatch/suspects/guard.ts";
import type { SinkDefinition } from "./sinks/define.ts";
import type { Headers } from "./spool/file/headers.ts";
import type { Owner } from "./spool/file/owner.ts";
import type { Metered, Metering } from "./transforms/meter.ts";

/**
 * Everything a pipeline needs. Nothing is read from the environment, and no default hides here: `config/` has
 * them.
 */
export interface PipelineOptions {
  readonly dataDir: string;
  readonly spool: SpoolOptions;
  readonly sinks: readonly PipelineSink[];
  /** What becomes of events of the bus that come without a trace. Absent: they wait a minute for one. */
  readonly binding?: Binding;
  /** What is added to complete ends before they are appended. Absent: nothing. */
  readonly metering?: Metering;
  readonly observer: PipelineObserver;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  /** For people who look at `owner.json`. */
  readonly version?: string;
  /**
   * Decodes a record apart from this process, and says whether that ended: for a record that was being read
   * when an earlier process died. Without it only repeated ends count (see dispatch/suspects/guard.ts).
   */
  readonly tryRecord?: (body: Uint8Array) => Promise<Trial>;
  /**
   * An id that the machine gets anew whenever it starts: after a power cut no record is to blame for the end
   * of the process.
   */
  readonly machineRun?: string | undefined;
  /** For tests on a disk in memory, and for a caller that has taken the data dir already. */
  readonly owner?: Owner;
  /** For a caller that has checked the formats already: what was read for that is not read again. */
  readonly headers?: Headers;
  /** Sinks by type; the registry's where nothing else is said. For tests whose sinks follow a script. */
  readonly sinkOfType?: (type: string) => SinkDefinition | undefined;
}

/** What the stages tell while they work. Called synchronously: cheap, and never throws. */
export interface PipelineObserver extends RouteObserver {
  /** A run that called a model came to its end. */
  onMetered?(metered: Metered): void;
}

export interface SpoolOptions {
  /** The data dir never takes more than this and a segment (docs/spec/guarantees.md, P6). */
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
  /** What is left of an event; undefined for one that is settled as skipped{sampled}. */
  readonly sample?: (event: Event) => Event | undefined;
  /** What may wait for it. Absent: as much as the spool takes, and nothing is dropped. */
  readonly backlog?: BacklogLimit;
  readonly retry?: { readonly maxWaitMs?: number };
  /** The name it had before: it goes on where that one stood. */
  readonly was?: string;
  /** The same for two that are configured alike. Without it a new configuration opens the sink anew. */
  readonly words?: string;
}
