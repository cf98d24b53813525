import type { Json, JsonObject } from "../../event.ts";
import type { IncomingEvent } from "../../validate.ts";
import { isPayloadObject, known } from "../foreign.ts";
import { choicesOf, llmMetadata, messagesOf, textOf } from "./generation.ts";
import {
  CUSTOM_PREFIX,
  LIFECYCLE,
  LIFECYCLE_FIELDS,
  type LifecycleEventType,
  type LifecyclePayload,
} from "./names.ts";

/**
 * The event as the emitter writes it, keys in its order; undefined for an event that has no form here. Values
 * are the true ones: what is not known is left out, never 0. `trace_id` alone is always there, empty without
 * one, because the format has it so.
 */
export function project(event: IncomingEvent): LifecyclePayload | undefined {
  switch (event.kind) {
    case "init.started":
      return inOrder("LLM_INITIALIZATION_START", event, objectOf(event.data));
    case "init.succeeded":
      return inOrder("LLM_INITIALIZATION_SUCCESS", event, objectOf(event.data));
    case "init.failed":
      return inOrder("LLM_INITIALIZATION_ERROR", event, objectOf(event.data));
    case "run.ended":
      return generation(event);
    case "tool.called":
      return inOrder("TOOL_CALL_DETECTED", event, toolFields(event));
    default:
      return undefined;
  }
}

/** An event that came in this form, before `rest` is put over it. `keys` tell whether it had an id. */
export function writeBack(event: IncomingEvent, keys: readonly string[]): LifecyclePayload {
  const payload = project(event) ?? {
    event_type: event.kind.slice(CUSTOM_PREFIX.length),
    ...objectOf(event.data),
    trace_id: event.traceId ?? "",
    ...known({ metadata: event.metadata }),
  };
  return keys.includes("id") ? { ...payload, ...known({ id: event.id }) } : payload;
}

function inOrder(
  eventType: LifecycleEventType,
  event: IncomingEvent,
  own: JsonObject,
  metadata = event.metadata,
): LifecyclePayload {
  const values: JsonObject = { ...own, trace_id: event.traceId ?? "", metadata };
  const fields = LIFECYCLE_FIELDS[eventType].map((name): [string, Json | undefined] => [name, values[name]]);
  return known({ event_type: eventType, ...Object.fromEntries(fields) });
}

function generation(event: IncomingEvent): LifecyclePayload | undefined {
  const run = event.run;
  // Tools, chains and agents generate nothing; their runs have no form here.
  if (!run || (run.type !== "llm" && run.type !== "embedding")) return undefined;
  const isOk = run.status === "ok";
  const messages = messagesOf(run.request?.input);
  const output = isOk ? textOf(run.response?.output) : undefined;
  const fields = {
    provider: run.provider,
    model_id: run.request?.model ?? run.name,
    operation: run.type === "llm" ? "llm_generation" : run.type,
    messages_count: messages?.length,
    temperature: run.request?.params?.temperature,
    message_content: messages?.map((message) => textOf(message) ?? "").join("\n"),
    response_length: output === undefined ? undefined : Buffer.byteLength(output),
    choices_count: choicesOf(run.response?.output, run.operation),
    error: run.error?.message ?? run.reason ?? run.status,
  };
  // What came in this form has its metadata in this form already.
  const metadata = event.origin?.dialect === LIFECYCLE ? event.metadata : llmMetadata(event, run);
  return inOrder(isOk ? "LLM_GENERATION_SUCCESS" : "LLM_GENERATION_ERROR", event, fields, metadata);
}

function toolFields(event: IncomingEvent): JsonObject {
  const data = objectOf(event.data);
  const asked = event.tool?.arguments;
  return {
    provider: event.run?.provider ?? data.provider,
    model_id: event.run?.request?.model ?? data.model_id,
    tool_call_id: event.tool?.id,
    tool_name: event.tool?.name,
    arguments: asked === undefined || typeof asked === "string" ? asked : JSON.stringify(asked),
  };
}

function objectOf(value: Json | undefined): JsonObject {
  return isPayloadObject(value) ? value : {};
}
