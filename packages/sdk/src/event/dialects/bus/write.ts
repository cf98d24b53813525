import type { Event, Json, JsonObject, Origin, Run, Usage } from "../../event.ts";
import { totalOf } from "../../token-totals.ts";
import { isPayloadObject, known } from "../foreign.ts";
import { BUS, type BusPayload, CUSTOM_PREFIX } from "./names.ts";

/**
 * The event as the bus says it; undefined for an event that has no place on it. `keys` tell which of two
 * names the connector had. Where the sender's id of a message or a tool call is not known, that of the run
 * stands.
 */
export function writeBusEvent(event: Event, keys: readonly string[]): BusPayload | undefined {
  const body = bodyOf(event);
  if (body === undefined) return undefined;
  const { type, ...members } = body;
  const isUid = keys.includes("connector_uid") && !keys.includes("connector_id");
  return known({
    type,
    timestamp: event.time,
    scroll_id: event.traceId,
    [isUid ? "connector_uid" : "connector_id"]: event.session?.connector,
    native_session_id: event.session?.nativeId ?? event.session?.id,
    ...members,
  });
}

/** The type, and what it has besides the envelope. */
function bodyOf(event: Event): JsonObject | undefined {
  const { kind, run, runId, data, tool } = event;
  switch (kind) {
    case "session.created":
      return { type: "SessionCreated", metadata: event.metadata };
    case "session.updated":
      return isPayloadObject(data) ? { type: "SessionUpdate", update: data } : undefined;
    case "run.started":
      if (run?.type === "llm") return { type: "MessageStarted", message_id: runId, ...startOf(run) };
      return run?.type === "tool" ? toolUpdate("tool_call", event, run) : undefined;
    case "run.ended":
      if (run?.type === "llm")
        return { type: "MessageCompleted", message_id: runId, ...endOf(run, event.origin) };
      return run?.type === "tool" ? toolUpdate("tool_call_update", event, run) : undefined;
    case "tool.called":
      return tool && { type: "SessionUpdate", message_id: runId, update: askedFor(event, tool) };
    default:
      if (!kind.startsWith(CUSTOM_PREFIX)) return undefined;
      return { type: kind.slice(CUSTOM_PREFIX.length), ...(isPayloadObject(data) && data) };
  }
}

function startOf({ name, provider, request }: Run): JsonObject {
  return { model: request?.model ?? name, provider, input: request?.input, params: request?.params };
}

function endOf({ status, reason, response, usage, error }: Run, origin: Origin | undefined): JsonObject {
  const isFailed = status === "error" || status === "incomplete";
  return {
    model: response?.model,
    output: response?.output,
    // What came in this form has its counts in this form already.
    usage: origin?.dialect === BUS ? usage?.raw : usage && usageOf(usage),
    stop_reason: response?.finishReasons?.[0] ?? (status === "cancelled" ? status : undefined),
    error: isFailed ? errorOf(error, status, reason) : undefined,
  };
}

/** A run that never ended has failed, and says why. */
function errorOf(error: Run["error"], status: string, reason: string | undefined): Json {
  if (error !== undefined) return error as unknown as JsonObject;
  return { message: reason === undefined ? status : `${status}: ${reason}` };
}

function toolUpdate(type: string, event: Event, run: Run): JsonObject {
  const { status, reason } = run;
  const isStart = type === "tool_call";
  const isDone = status === "ok" || status === undefined;
  const update = known({
    type,
    tool_call_id: event.runId,
    name: run.name,
    status: isStart ? "in_progress" : isDone ? "completed" : "failed",
    arguments: run.request?.input,
    result: run.response?.output,
    error: isStart || isDone ? undefined : errorOf(run.error, status, reason),
  });
  return { type: "SessionUpdate", message_id: event.parentRunId, update };
}

function askedFor(event: Event, tool: NonNullable<Event["tool"]>): JsonObject {
  return known({
    type: "tool_call",
    tool_call_id: tool.id ?? event.id,
    name: tool.name,
    status: "pending",
    arguments: tool.arguments,
  });
}

function usageOf(usage: Usage): JsonObject {
  return known({
    input_tokens: totalOf(usage.input, usage.audioInput),
    cache_read_tokens: totalOf(usage.cacheRead),
    cache_write_tokens: totalOf(usage.cacheWrite5m, usage.cacheWrite1h),
    output_tokens: totalOf(usage.output, usage.audioOutput),
    reasoning_tokens: totalOf(usage.reasoning),
    estimated: usage.source === "provider" ? undefined : true,
  });
}
