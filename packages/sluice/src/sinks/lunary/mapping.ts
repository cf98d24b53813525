import type { Event, Json, JsonObject, Run } from "@sluice/sdk";
import { isoTime, timeMs } from "../iso-time.ts";
import { withoutSeals } from "../withheld.ts";
import { feedbackEvent } from "./feedback.ts";
import { type TokensUsage, tokensUsage } from "./fields.ts";
import { labelsOf } from "./metadata.ts";
import { hasChildren, typeOf } from "./run-type.ts";
import { threadIdOf, threadStart } from "./thread.ts";
import { lunaryId } from "./uuid.ts";

/** One element of the request's `events`, as Lunary's server reads it. */
export interface LunaryEvent {
  /** Feedback has none, as Lunary's own SDK sends it. */
  readonly type?: string;
  readonly event: "start" | "end" | "error" | "feedback";
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
  readonly templateVersionId?: number;
  readonly runtime?: string;
  readonly error?: { readonly message: string; readonly stack?: string };
  readonly feedback?: JsonObject;
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
export function mapped(event: Event, withThreads: boolean): Mapped {
  const { run, runId } = event;
  if (event.kind === "session.created" && withThreads) {
    const threadId = threadIdOf(event.session);
    return threadId === undefined ? { skipped: "unmapped" } : { events: [threadStart(event, threadId)] };
  }
  if (runId === undefined) return { skipped: "unmapped" };
  if (event.kind === "run.scored") return { events: [feedbackEvent(event, runId)] };
  if (!run) return { skipped: "unmapped" };
  if (event.kind === "run.started") {
    return hasChildren(run) ? { events: [startOf(event, run, runId)] } : { skipped: "sent_with_end" };
  }
  if (event.kind !== "run.ended") return { skipped: "unmapped" };
  if (run.startTime === undefined || run.status === undefined) return { skipped: "partial" };
  const start = startOf(event, run, runId);
  return { events: [start, ...endsOf(event, run, start)] };
}

export function startOf(event: Event, run: Run, runId: string): LunaryEvent {
  const name = run.name ?? run.request?.model;
  const input = run.request?.input;
  const params = { ...run.request?.params, ...(run.request?.stream && { stream: true }) };
  const { scope, parentRunId } = event;
  return {
    type: typeOf(run),
    event: "start",
    runId: lunaryId(runId),
    ...(parentRunId !== undefined && { parentRunId: lunaryId(parentRunId) }),
    ...(name !== undefined && { name }),
    timestamp: isoTime(run.startTime ?? event.time, event.time),
    ...(input !== undefined && { input: withoutSeals(input) }),
    ...(Object.keys(params).length > 0 && { params }),
    ...labelsOf(event, run),
    ...(scope?.kind === "user" && { userId: scope.id }),
    ...(scope?.kind === "user" && scope.props && { userProps: scope.props }),
    runtime: typeof run.runtime === "string" ? run.runtime : "sluice",
  };
}

/**
 * The end of a run, or its error, or both: an error alone would lose what was answered and counted before it.
 * What is known of it at the end goes along, since a start that was sent before did not have it.
 */
function endsOf(event: Event, run: Run, start: LunaryEvent): readonly LunaryEvent[] {
  // Strictly later: with equal times the server's sort might put the end first, and lose it.
  const endMs = Math.max(timeMs(event.time, start.timestamp), Date.parse(start.timestamp) + 1);
  const shared = { type: typeOf(run), runId: start.runId, timestamp: new Date(endMs).toISOString() };
  const usage = run.type === "llm" || run.type === "embedding" ? tokensUsage(run.usage) : undefined;
  const output = run.response?.output;
  const end: LunaryEvent = {
    ...shared,
    event: "end",
    ...(output !== undefined && { output: withoutSeals(output) }),
    ...(usage && { tokensUsage: usage }),
    ...(start.metadata && { metadata: start.metadata }),
  };
  if (run.status !== "error") return [end];
  const error: LunaryEvent = { ...shared, event: "error", error: errorOf(run) };
  return output === undefined && !usage ? [error] : [end, error];
}

function errorOf(run: Run): { message: string; stack?: string } {
  const message = run.error?.message ?? run.reason ?? "The run failed.";
  return run.error?.stack === undefined ? { message } : { message, stack: run.error.stack };
}
