import type { Event, Json, JsonObject } from "@sluice/sdk";
import { defined } from "./defined.ts";
import { environmentOf } from "./environment.ts";

/** What the configuration says of every event. */
export interface Deployment {
  readonly environment?: string | undefined;
  readonly release?: string | undefined;
  readonly version?: string | undefined;
}

/** What an event says of the whole trace that it stands in. */
export interface TraceFacts {
  /** Known on what stands at the top of its trace, or where the metadata names it. */
  readonly name?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  readonly environment?: string;
  readonly release?: string;
  readonly version?: string;
}

/** Langfuse refuses the whole item of a trace with a longer name (v3: 400); a run's is never longer. */
const NAME_CHARS_MAX = 1_000;

/**
 * The facts of a trace as one of its events knows them: a sink has no memory, so each event says all it can.
 * Its metadata's own `trace_name`, `environment`, `release` and `version` win over the configuration's.
 */
export function traceFactsOf(event: Event, deployment: Deployment): TraceFacts {
  const { scope, session, tags, metadata = {} } = event;
  return defined({
    name: textOf(metadata["trace_name"])?.slice(0, NAME_CHARS_MAX) ?? nameOfRoot(event),
    userId: scope?.kind === "user" ? scope.id : undefined,
    sessionId: session?.id ?? session?.nativeId,
    tags: tags && tags.length > 0 ? tags : undefined,
    metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
    environment: environmentOf(textOf(metadata["environment"]) ?? deployment.environment),
    release: textOf(metadata["release"]) ?? deployment.release,
    version: textOf(metadata["version"]) ?? deployment.version,
  });
}

function nameOfRoot(event: Event): string | undefined {
  return isRoot(event) ? event.run?.name : undefined;
}

/** A run that nothing stands above, also no span of somebody else's. */
export function isRoot(event: Event): boolean {
  return event.run !== undefined && event.parentRunId === undefined && event.parentSpanId === undefined;
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
