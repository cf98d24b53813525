import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Random } from "@sluice/sdk/internal";
import type { Hub } from "../live/hub.ts";
import { openPipeline, type Pipeline, type PipelineOptions } from "../pipeline.ts";
import type { SinkDefinition } from "../sinks/define.ts";
import type { Intake } from "../sources/intake.ts";

/** What the daemon is put together from. The command line uses `standardParts`; a test may bring its own. */
export interface DaemonParts {
  /** Every sink type there is. */
  readonly definitions: readonly SinkDefinition[];
  openPipeline(options: PipelineOptions): Promise<Pipeline>;
  /** POST /v1/events. */
  createIngest(context: SourceContext): IngestDoor;
  /** Calls to a provider, passed through and captured. */
  createProxy(context: ProxyContext): ProxyDoor;
}

export interface SourceContext {
  readonly intake: Intake;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ProxyContext extends SourceContext {
  /** Where each provider's calls go. */
  readonly upstreams: Readonly<Record<string, { readonly baseUrl: string }>>;
  readonly hub: Hub;
  onUncaptured(reason: string): void;
}

export type IngestDoor = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
/** `restOfPath` begins with a slash and has the query. */
export type ProxyDoor = (
  request: IncomingMessage,
  response: ServerResponse,
  provider: string,
  restOfPath: string,
) => void;

export const standardParts: DaemonParts = {
  definitions: [],
  openPipeline,
  createIngest: () => () => Promise.reject(new Error("The ingest source is not wired yet.")),
  createProxy: () => () => {
    throw new Error("The proxy source is not wired yet.");
  },
};
