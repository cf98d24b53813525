import type { Event, Json, JsonObject, Run, Usage } from "../../event.ts";
import { deriveId } from "../../ids.ts";
import { USAGE_MAX } from "../../limits.ts";
import { isPayloadObject, known, textIn } from "../foreign.ts";
import { wholeRun } from "../whole-run.ts";
import { CUSTOM_PREFIX, isLifecycleEventType, LIFECYCLE, type LifecyclePayload } from "./names.ts";

/** What a custom kind has in its envelope; everything else is its data. */
const ENVELOPE = new Set(["event_type", "id", "trace_id", "metadata"]);

/**
 * The canonical event of a payload whose form was checked. Its origin says the dialect and no more. `id` is
 * the sender's, or a new one.
 */
export function readLifecycle(payload: LifecyclePayload, id: string, time: string): Event {
  const type = String(payload.event_type);
  const envelope = { time, ...envelopeOf(payload) };
  if (!isLifecycleEventType(type)) {
    const data = Object.entries(payload).filter(([key]) => !ENVELOPE.has(key));
    return { id, kind: CUSTOM_PREFIX + type, ...envelope, data: Object.fromEntries(data) };
  }
  switch (type) {
    case "LLM_INITIALIZATION_START":
      return { id, kind: "init.started", ...envelope, data: initOf(payload) };
    case "LLM_INITIALIZATION_SUCCESS":
      return { id, kind: "init.succeeded", ...envelope, data: initOf(payload) };
    case "LLM_INITIALIZATION_ERROR":
      return { id, kind: "init.failed", ...envelope, data: initOf(payload) };
    case "LLM_GENERATION_SUCCESS":
      return wholeRun(id, envelope, { ...generationOf(payload, time), status: "ok" });
    case "LLM_GENERATION_ERROR":
      return wholeRun(id, envelope, {
        ...generationOf(payload, time),
        status: "error",
        ...errorOf(payload.error),
      });
    case "TOOL_CALL_DETECTED":
      return { id, kind: "tool.called", ...envelope, ...toolCallOf(payload, id) };
  }
}

function envelopeOf(payload: LifecyclePayload): Pick<Event, "traceId" | "metadata" | "origin"> {
  const traceId = textIn(payload.trace_id);
  return {
    ...(traceId !== undefined && { traceId }),
    ...(isPayloadObject(payload.metadata) && { metadata: payload.metadata }),
    origin: { dialect: LIFECYCLE },
  };
}

function initOf(payload: LifecyclePayload): JsonObject {
  const { provider, model_id, temperature, capabilities, operation, error } = payload;
  return known({ provider, model_id, temperature, capabilities, operation, error });
}

/** The payload has no time, so that the run begins and ends when it arrives: how long it took is not known. */
function generationOf(payload: LifecyclePayload, time: string): Run {
  const provider = textIn(payload.provider);
  const model = textIn(payload.model_id);
  const params = known({ temperature: payload.temperature ?? undefined });
  const input = payload.message_content ?? undefined;
  const usage = usageOf(payload.metadata);
  return {
    type: payload.operation === "embedding" ? "embedding" : "llm",
    ...(model !== undefined && { name: model }),
    ...(provider !== undefined && { provider }),
    startTime: time,
    request: {
      ...(model !== undefined && { model }),
      ...(input !== undefined && { input }),
      ...(Object.keys(params).length > 0 && { params }),
    },
    ...(usage && { usage }),
  };
}

function errorOf(error: Json | undefined): Pick<Run, "error"> {
  return typeof error === "string" ? { error: { message: error } } : {};
}

/** Tokens stand as text among the custom fields, if anywhere. */
function usageOf(metadata: Json | undefined): Usage | undefined {
  const fields = isPayloadObject(metadata) ? metadata.custom_fields : undefined;
  if (!isPayloadObject(fields)) return undefined;
  const input = countIn(fields.input_tokens);
  const output = countIn(fields.output_tokens);
  if (input === undefined && output === undefined) return undefined;
  return {
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    source: "provider",
  };
}

function countIn(text: Json | undefined): number | undefined {
  const count = typeof text === "string" && /^\d+$/.test(text) ? Number(text) : undefined;
  return count !== undefined && count <= USAGE_MAX ? count : undefined;
}

/**
 * Calls of one trace are taken for calls of one run. Without a trace there is only the call itself to derive
 * a run from.
 */
function toolCallOf(payload: LifecyclePayload, id: string): Pick<Event, "runId" | "tool" | "data"> {
  const { tool_name, provider, model_id } = payload;
  const asked = payload.arguments ?? undefined;
  const callId = textIn(payload.tool_call_id);
  return {
    runId: deriveId(textIn(payload.trace_id) ?? callId ?? id, "run"),
    tool: {
      ...(callId !== undefined && { id: callId }),
      name: String(tool_name),
      ...(asked !== undefined && { arguments: asked }),
    },
    data: known({ provider, model_id }),
  };
}
