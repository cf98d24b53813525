import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Clock,
  createIds,
  type Disk,
  deriveId,
  type Random,
  systemProcessTable,
} from "@sluice/sdk/internal";
import type { Hub } from "../live/hub.ts";
import { openPipeline, type Pipeline, type PipelineOptions } from "../pipeline.ts";
import type { SinkDefinition } from "../sinks/define.ts";
import { sinks } from "../sinks/registry.ts";
import { createIngest } from "../sources/ingest/ingest.ts";
import type { Intake } from "../sources/intake.ts";
import { createProxy } from "../sources/proxy/proxy.ts";
import { openSpillSource, type SpillObserver, type SpillSource } from "../sources/spill/spill.ts";

/** What the daemon is put together from. The command line uses `standardParts`; a test may bring its own. */
export interface DaemonParts {
  /** Every sink type there is. */
  readonly definitions: readonly SinkDefinition[];
  openPipeline(options: PipelineOptions): Promise<Pipeline>;
  /** POST /v1/events. */
  createIngest(context: SourceContext): IngestDoor;
  /** What applications left that ended before they could send. */
  openSpill(context: SpillContext): SpillSource;
  /** Calls to a provider, passed through and captured. */
  createProxy(context: ProxyContext): ProxyDoor;
}

export interface SourceContext {
  readonly intake: Intake;
  readonly clock: Clock;
  readonly random: Random;
  /** An item or a body was refused, with its code. */
  onRefused(code: string): void;
}

export interface ProxyContext extends SourceContext {
  /** Where each provider's calls go. */
  readonly upstreams: Readonly<Record<string, UpstreamSettings>>;
  readonly hub: Hub;
  onUncaptured(reason: string, events: number): void;
}

export interface SpillContext extends SourceContext {
  readonly dataDir: string;
  readonly disk: Disk;
  readonly observer: SpillObserver;
}

export type IngestDoor = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
export interface UpstreamSettings {
  readonly baseUrl: string;
  readonly timeoutMs?: number;
  readonly injectUsage?: boolean;
}

export interface ProxyDoor {
  /** `restOfPath` begins with a slash and has the query. */
  (request: IncomingMessage, response: ServerResponse, provider: string, restOfPath: string): void;
  /** Ends what is still on its way as incomplete, and resolves when the intake has it. */
  close(): Promise<void>;
}

export const standardParts: DaemonParts = {
  definitions: sinks,
  openPipeline,
  createIngest: ({ intake, clock, random, onRefused }) =>
    createIngest({ intake, clock, ids: createIds(clock, random), onRefused }),
  openSpill: ({ clock, random, ...context }) =>
    openSpillSource({ ...context, clock, ids: createIds(clock, random), processes: systemProcessTable }),
  createProxy: ({ intake, clock, random, upstreams, onUncaptured }) =>
    createProxy({
      intake,
      clock,
      ids: { ...createIds(clock, random), derive: deriveId },
      upstreams,
      onUncaptured,
    }),
};
