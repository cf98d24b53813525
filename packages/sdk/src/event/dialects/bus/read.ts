import { numberOf } from "../../codec.ts";
import type { Event, Json, Run, Usage } from "../../event.ts";
import { deriveId } from "../../ids.ts";
import { endId } from "../../validate.ts";
import { hasValue, isPayloadObject, known, nameIn, textIn } from "../foreign.ts";
import { toRunError } from "../foreign-error.ts";
import { given, givenObject } from "../given.ts";
import { BUS, type BusPayload, CUSTOM_PREFIX, reportOf } from "./names.ts";
import { busPlace } from "./place.ts";

/** What every event of the bus has; of a custom kind everything else is its data. */
const ENVELOPE = new Set([
  "type",
  "timestamp",
  "scroll_id",
  "connector_id",
  "connector_uid",
  "native_session_id",
]);

/**
 * The canonical event of a payload whose form was checked. `hash` tells its bytes from others. Its origin
 * says the dialect and no more.
 */
export function readBusEvent(payload: BusPayload, hash: string, time: string): Event {
  const place = placeOf(payload);
  const envelope = (kind: string) => ({
    id: deriveId(place, `${payload.type}:${hash}`),
    ...{ kind, time },
    ...given("traceId", textIn(payload.scroll_id)),
    session: sessionOf(payload),
    origin: { dialect: BUS },
  });
  const ofMessage = given("runId", messageRunId(place, payload));
  const report = reportOf(payload);
  switch (report) {
    case "session":
      return { ...envelope("session.created"), ...givenObject("metadata", payload.metadata) };
    case "message-start":
      return { ...envelope("run.started"), ...ofMessage, run: startedMessage(payload, time) };
    case "message-end":
      return { ...envelope("run.ended"), ...ofMessage, run: endedMessage(payload) };
    case "tool-start":
      return { ...envelope("run.started"), ...toolEvent(payload, report, place, time) };
    case "tool-end":
    case "tool-whole":
      return { ...envelope("run.ended"), ...toolEvent(payload, report, place, time) };
    case "update": {
      const runId = given("runId", updatedRunId(place, payload));
      return { ...envelope("session.updated"), ...runId, ...given("data", payload.update) };
    }
    case "other": {
      const data = Object.entries(payload).filter(([name]) => !ENVELOPE.has(name));
      return { ...envelope(CUSTOM_PREFIX + payload.type), data: Object.fromEntries(data) };
    }
  }
}

/** Whose ids the sender's are: a message or a tool call is known by its id within this session only. */
function placeOf(payload: BusPayload): string {
  return busPlace(sessionOf(payload));
}

function sessionOf(payload: BusPayload): { readonly connector: string; readonly nativeId: string } {
  const { connector_id, connector_uid, native_session_id } = payload;
  return { connector: String(connector_id ?? connector_uid), nativeId: String(native_session_id) };
}

function messageRunId(place: string, { message_id }: BusPayload): string | undefined {
  return typeof message_id === "string" ? deriveId(place, `message:${message_id}`) : undefined;
}

function toolRunId(place: string, toolCallId: string): string {
  return deriveId(place, `tool:${toolCallId}`);
}

/** Progress has the id of its run, of a tool or else of a message, so that the run is not closed as overdue. */
function updatedRunId(place: string, payload: BusPayload): string | undefined {
  const { update } = payload;
  const toolCallId = isPayloadObject(update) ? textIn(update.tool_call_id) : undefined;
  return toolCallId === undefined ? messageRunId(place, payload) : toolRunId(place, toolCallId);
}

function startedMessage({ model, provider, input, params }: BusPayload, startTime: string): Run {
  const request = {
    ...given("model", nameIn(model)),
    ...given("input", input),
    ...givenObject("params", params),
  };
  return {
    type: "llm",
    ...given("name", nameIn(model)),
    ...given("provider", nameIn(provider)),
    startTime,
    ...(Object.keys(request).length > 0 && { request }),
  };
}

function endedMessage({ model, output, usage, stop_reason, error }: BusPayload): Run {
  const runError = toRunError(error);
  const response = {
    ...given("model", nameIn(model)),
    ...given("output", output),
    ...(typeof stop_reason === "string" && { finishReasons: [stop_reason] }),
  };
  return {
    type: "llm",
    status: runError !== undefined ? "error" : stop_reason === "cancelled" ? "cancelled" : "ok",
    ...(Object.keys(response).length > 0 && { response }),
    ...given("usage", usageOf(usage)),
    ...given("error", runError),
  };
}

function toolEvent(
  payload: BusPayload,
  report: "tool-start" | "tool-end" | "tool-whole",
  place: string,
  time: string,
): Pick<Event, "runId" | "parentRunId" | "run"> & { readonly id?: string } {
  const call = isPayloadObject(payload.update) ? payload.update : {};
  const runId = toolRunId(place, String(call.tool_call_id));
  return {
    // A run that is told as a whole has the one id that its end can have.
    ...(report === "tool-whole" && { id: endId(runId) }),
    runId,
    ...given("parentRunId", messageRunId(place, payload)),
    run: {
      type: "tool",
      ...given("name", nameIn(call.name) ?? nameIn(call.title)),
      ...(report !== "tool-end" && { startTime: time }),
      ...(report !== "tool-start" && { status: call.status === "failed" ? "error" : "ok" }),
      ...(hasValue(call.arguments) && { request: { input: call.arguments } }),
      ...(hasValue(call.result) && { response: { output: call.result } }),
      ...given("error", toRunError(call.error)),
    },
  };
}

function usageOf(usage: Json | undefined): Usage | undefined {
  if (!isPayloadObject(usage)) return undefined;
  const buckets = known({
    input: numberOf(usage.input_tokens),
    cacheRead: numberOf(usage.cache_read_tokens),
    cacheWrite5m: numberOf(usage.cache_write_tokens),
    output: numberOf(usage.output_tokens),
    reasoning: numberOf(usage.reasoning_tokens),
  });
  if (Object.keys(buckets).length === 0) return undefined;
  return { ...buckets, source: usage.estimated === true ? "estimated" : "provider", raw: usage };
}
