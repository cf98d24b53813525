import type { Event, Json, JsonObject } from "../event/event.ts";
import { llmMetadata, messagesOf, textOf } from "./lifecycle-fields.ts";
import type { LogFormat } from "./torn-tail.ts";

/**
 * The log of the custom event emitter, byte for byte:
 *
 *     [2025-01-27 14:30:25] [EVENT: INIT_START]
 *     {
 *       "event_type": "LLM_INITIALIZATION_START",
 *       …two spaces a level, keys in the order below…
 *     }
 *     (an empty line)
 *
 * Times are UTC. It knows six events: init.started, init.succeeded, init.failed; a run.ended of an LLM or
 * embedding run (GENERATION_SUCCESS when its status is ok, else GENERATION_ERROR); tool.called. Nothing else
 * has a form here. Values are the true ones: what is not known is left out, never 0. `trace_id` alone is
 * always there, empty without one, because the format has it so. What an initialisation knows stands in its
 * `data`, with the format's own key names (provider, model_id, temperature, capabilities, operation, error);
 * the same two names serve a tool.called.
 */
export const bracketedFormat: LogFormat = {
  terminator: "\n\n",
  starts: "[0000-00-00 00:00:00] [EVENT: ",
  // A brace in the first column closes an entry; JSON text has no line break, so it is found nowhere else.
  isWhole: (text) => /\n\}\n?$/.test(text),
};

/** The entry for an event without its terminator, or undefined for an event that has no form here. */
export function bracketedEntry(event: Event): string | undefined {
  const projected = project(event);
  if (!projected) return undefined;
  const [tag, fields] = projected;
  return `[${stamp(event.time)}] [EVENT: ${tag}]\n${JSON.stringify(fields, null, 2)}`;
}

type Fields = { readonly [key: string]: unknown };

function project(event: Event): readonly [tag: string, fields: Fields] | undefined {
  switch (event.kind) {
    case "init.started":
      return ["INIT_START", initFields(event, "LLM_INITIALIZATION_START")];
    case "init.succeeded":
      return ["INIT_SUCCESS", initFields(event, "LLM_INITIALIZATION_SUCCESS")];
    case "init.failed":
      return ["INIT_ERROR", initFields(event, "LLM_INITIALIZATION_ERROR")];
    case "run.ended":
      return generation(event);
    case "tool.called":
      return ["TOOL_CALL_DETECTED", toolFields(event)];
    default:
      return undefined;
  }
}

/** Keys in the seed's order; `JSON.stringify` leaves out what is undefined. */
function initFields(event: Event, eventType: string): Fields {
  const data = objectOf(event.data);
  return {
    event_type: eventType,
    provider: data.provider,
    model_id: data.model_id,
    operation: eventType === "LLM_INITIALIZATION_ERROR" ? data.operation : undefined,
    temperature: eventType === "LLM_INITIALIZATION_START" ? data.temperature : undefined,
    capabilities: eventType === "LLM_INITIALIZATION_SUCCESS" ? data.capabilities : undefined,
    error: eventType === "LLM_INITIALIZATION_ERROR" ? data.error : undefined,
    trace_id: event.traceId ?? "",
    metadata: event.metadata,
  };
}

function generation(event: Event): readonly [string, Fields] | undefined {
  const run = event.run;
  // Tools, chains and agents generate nothing; their runs have no form in this log.
  if (!run || (run.type !== "llm" && run.type !== "embedding")) return undefined;
  const isOk = run.status === "ok";
  const messages = messagesOf(run.request?.input);
  const output = isOk ? textOf(run.response?.output) : undefined;
  const fields = {
    event_type: isOk ? "LLM_GENERATION_SUCCESS" : "LLM_GENERATION_ERROR",
    provider: run.provider,
    model_id: run.request?.model ?? run.name,
    operation: run.type === "llm" ? "llm_generation" : run.type,
    messages_count: messages?.length,
    temperature: run.request?.params?.temperature,
    message_content: messages?.map((message) => textOf(message) ?? "").join("\n"),
    response_length: output === undefined ? undefined : Buffer.byteLength(output),
    choices_count: isOk ? choicesOf(run.response?.output, run.operation) : undefined,
    error: isOk ? undefined : (run.error?.message ?? run.reason ?? run.status),
    trace_id: event.traceId ?? "",
    metadata: llmMetadata(event, run),
  };
  return [isOk ? "GENERATION_SUCCESS" : "GENERATION_ERROR", fields];
}

function toolFields(event: Event): Fields {
  const data = objectOf(event.data);
  const asked = event.tool?.arguments;
  return {
    event_type: "TOOL_CALL_DETECTED",
    provider: event.run?.provider ?? data.provider,
    model_id: event.run?.request?.model ?? data.model_id,
    tool_call_id: event.tool?.id,
    tool_name: event.tool?.name,
    arguments: asked === undefined || typeof asked === "string" ? asked : JSON.stringify(asked),
    trace_id: event.traceId ?? "",
    metadata: event.metadata,
  };
}

/** A list of choices counts each; a list of output items (responses) is one answer. */
function choicesOf(output: Json | undefined, operation: string | undefined): number | undefined {
  if (output === undefined) return undefined;
  return Array.isArray(output) && operation !== "responses" ? output.length : 1;
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** `2006-01-02 15:04:05` in UTC. A time that is none is printed as it came. */
function stamp(time: string): string {
  const parsed = Date.parse(time);
  if (Number.isNaN(parsed)) return time;
  return new Date(parsed).toISOString().slice(0, 19).replace("T", " ");
}
