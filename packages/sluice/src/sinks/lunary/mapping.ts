import type { Event, Json, JsonObject, Run } from "@sluice/sdk";
import { flattened, type TokensUsage, tokensUsage } from "./fields.ts";
import { lunaryId } from "./uuid.ts";

/** One element of the request's `events`, as Lunary's server reads it. */
export interface LunaryEvent {
  readonly type: string;
  readonly event: "start" | "end" | "error";
  readonly runId: string;
  readonly parentRunId?: string;
  readonly name?: string;
  /** ISO with milliseconds: the server sorts by it, and reads no finer. */
  readonly timestamp: string;
  readonly input?: Json;
  readonly output?: Json;
  readonly params?: JsonObject;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  readonly userId?: string;
  readonly userProps?: JsonObject;
  readonly tokensUsage?: TokensUsage;
  readonly error?: { readonly message: string; readonly stack?: string };
}

/** What one event of a batch became, with its place in the batch. */
export interface MappedRun {
  readonly index: number;
  readonly events: readonly LunaryEvent[];
}

/** What becomes of one event: Lunary's events, in their order, or the reason why there are none. */
export type Mapped = { readonly events: readonly LunaryEvent[] } | { readonly skipped: string };

/**
 * The projection of one event to Lunary.
 *
 * A complete run.ended is its run's start and its end (or error) in one body, because an end whose start is
 * not stored yet is answered with success and dropped. A run.started is sent with its end, except that of a
 * run which other runs hang from (agent, chain, tool): those end before it does, and Lunary drops the link to
 * a parent that it has not seen. Its second start is then answered with "already exists", which is as good as
 * stored.
 */
export function mapped(event: Event): Mapped {
  const { run, runId } = event;
  if (!run || runId === undefined) return { skipped: "unmapped" };
  if (event.kind === "run.started") {
    return hasChildren(run) ? { events: [startOf(event, run, runId)] } : { skipped: "sent_with_end" };
  }
  if (event.kind !== "run.ended") return { skipped: "unmapped" };
  if (run.startTime === undefined || run.status === undefined) return { skipped: "partial" };
  const start = startOf(event, run, runId);
  return { events: [start, endOf(event, run, start)] };
}

function hasChildren(run: Run): boolean {
  return run.type !== "llm" && run.type !== "embedding" && run.type !== "retriever";
}

function startOf(event: Event, run: Run, runId: string): LunaryEvent {
  const name = run.name ?? run.request?.model;
  const metadata = metadataOf(event, run);
  const params = { ...run.request?.params, ...(run.request?.stream && { stream: true }) };
  const { scope, parentRunId, tags } = event;
  return {
    type: typeOf(run),
    event: "start",
    runId: lunaryId(runId),
    ...(parentRunId !== undefined && { parentRunId: lunaryId(parentRunId) }),
    ...(name !== undefined && { name }),
    timestamp: isoTime(run.startTime ?? event.time, event.time),
    ...(run.request?.input !== undefined && { input: run.request.input }),
    ...(Object.keys(params).length > 0 && { params }),
    ...(tags !== undefined && tags.length > 0 && { tags }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(scope?.kind === "user" && { userId: scope.id }),
    ...(scope?.kind === "user" && scope.props && { userProps: scope.props }),
  };
}

function endOf(event: Event, run: Run, start: LunaryEvent): LunaryEvent {
  // Strictly later: with equal times the server's sort might put the end first, and lose it.
  const endMs = Math.max(Date.parse(isoTime(event.time, start.timestamp)), Date.parse(start.timestamp) + 1);
  const usage = tokensUsage(run.usage);
  const shared = {
    type: start.type,
    runId: start.runId,
    timestamp: new Date(endMs).toISOString(),
    ...(usage && { tokensUsage: usage }),
  };
  if (run.status === "error") return { ...shared, event: "error", error: errorOf(run) };
  return {
    ...shared,
    event: "end",
    ...(run.response?.output !== undefined && { output: run.response.output }),
    ...(run.status !== "ok" && { metadata: statusOf(run) }),
  };
}

function errorOf(run: Run): { message: string; stack?: string } {
  const message = run.error?.message ?? run.reason ?? "The run failed.";
  return run.error?.stack === undefined ? { message } : { message, stack: run.error.stack };
}

/**
 * The server reads metadata at the start, so what became of the run stands there too: both are sent together.
 */
function metadataOf(event: Event, run: Run): JsonObject {
  const session = event.session?.id;
  return flattened({
    ...event.metadata,
    ...(session !== undefined && { sessionId: session }),
    ...(run.status !== undefined && run.status !== "ok" && run.status !== "error" && statusOf(run)),
  });
}

function statusOf(run: Run): JsonObject {
  return {
    ...(run.status !== undefined && { status: run.status }),
    ...(run.reason !== undefined && { reason: run.reason }),
  };
}

/** Lunary's run types; a type of the sender's own is a chain, which can hold anything. */
function typeOf(run: Run): string {
  switch (run.type) {
    case "llm":
    case "agent":
    case "chain":
    case "tool":
    case "retriever":
      return run.type;
    case "embedding":
      return "embed";
    default:
      return "chain";
  }
}

/**
 * Milliseconds and UTC; a time that cannot be read gives way to `otherwise`, and that one to the start of
 * time.
 */
function isoTime(time: string, otherwise: string): string {
  const parsed = Date.parse(time);
  if (!Number.isNaN(parsed)) return new Date(parsed).toISOString();
  return new Date(Date.parse(otherwise) || 0).toISOString();
}
