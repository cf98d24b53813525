import { cacheKindOf } from "../../cache-kind.ts";
import { numberOf } from "../../codec.ts";
import type { Event, JsonObject, Run, Usage } from "../../event.ts";
import { deriveId } from "../../ids.ts";
import { completionTokensOf, promptTokensOf } from "../../token-totals.ts";
import { isPayloadObject, known } from "../foreign.ts";
import { type BusinessPayload, eventTypes } from "./names.ts";

/**
 * An event that did not come in this form, as business events. Ids follow from the event's, so that whoever
 * projects it again gets equal values. What is not known is left out, never 0. Metadata of the event's own is
 * carried along; where it uses a name of ours, what the event knows wins.
 */
export function projectBusiness(event: Event): readonly BusinessPayload[] {
  const { run } = event;
  switch (event.kind) {
    case "run.started":
      return run && isCall(run) ? [requestOf(event, run)] : [];
    case "run.ended":
      return run?.status === undefined ? [] : endOf(event, run);
    case "init.failed":
      return [tell(event, eventTypes.ERROR, initFacts(event))];
    case "cache.hit":
      return [tell(event, eventTypes.CACHE_HIT, {})];
    case "cache.miss":
      return [tell(event, eventTypes.CACHE_MISS, {})];
    default:
      return [];
  }
}

/** Asking a model, whatever for. */
function isCall(run: Run): boolean {
  return run.type === "llm" || run.type === "embedding";
}

function requestOf(event: Event, run: Run): BusinessPayload {
  const facts = { provider: run.provider, model: run.request?.model ?? run.name };
  return { ...tell(event, eventTypes.LLM_REQUEST, facts), created_at: run.startTime ?? event.time };
}

function endOf(event: Event, run: Run): readonly BusinessPayload[] {
  if (!isCall(run)) return run.status === "ok" ? [] : [tell(event, eventTypes.ERROR, runFacts(event, run))];
  const model = run.response?.model ?? run.request?.model ?? run.name;
  const call = { provider: run.provider, model };
  const measured = { ...tokensOf(run), duration_ms: durationMsOf(event, run), ...cacheOf(run.usage) };
  if (run.status !== "ok") {
    return [tell(event, eventTypes.LLM_ERROR, { ...call, ...failureOf(run), ...measured })];
  }
  const response = tell(event, eventTypes.LLM_RESPONSE, { ...call, ...measured });
  switch (cacheKindOf(run.usage)) {
    case "cache.hit": {
      const found = { ...call, cache_read_tokens: numberOf(run.usage?.cacheRead) };
      return [response, tell(event, eventTypes.CACHE_HIT, found)];
    }
    case "cache.miss":
      return [response, tell(event, eventTypes.CACHE_MISS, call)];
    default:
      return [response];
  }
}

function tell(event: Event, type: string, facts: JsonObject): BusinessPayload {
  const ours = known({ ...facts, session_id: event.session?.id });
  return {
    id: deriveId(event.id, type),
    event_type: type,
    // Ours twice: first for their place, then for their value.
    metadata: { ...ours, ...event.metadata, ...ours },
    created_at: event.time,
    ...(event.scope && { scope: event.scope }),
  };
}

/** As the provider counts: Anthropic's input is without what its cache holds, everybody else's with it. */
function tokensOf(run: Run): JsonObject {
  const isApart = run.provider === "anthropic";
  return {
    input_tokens: isApart ? numberOf(run.usage?.input) : promptTokensOf(run.usage),
    output_tokens: completionTokensOf(run.usage),
  };
}

function cacheOf(usage: Usage | undefined): JsonObject {
  const written = [numberOf(usage?.cacheWrite5m), numberOf(usage?.cacheWrite1h)];
  const isKnown = written.some((count) => count !== undefined);
  return {
    cache_creation_tokens: isKnown ? (written[0] ?? 0) + (written[1] ?? 0) : undefined,
    cache_read_tokens: numberOf(usage?.cacheRead),
  };
}

function durationMsOf(event: Event, run: Run): number | undefined {
  const durationMs = Date.parse(event.time) - Date.parse(run.startTime ?? "");
  // A clock that was set back in between makes nonsense of it.
  return durationMs >= 0 ? durationMs : undefined;
}

function failureOf(run: Run): JsonObject {
  return {
    error: run.error?.message ?? run.reason ?? run.status,
    error_type: run.error?.type,
    error_code: run.error?.code,
    http_status: run.http?.status ?? run.error?.status,
    status: run.status === "error" ? undefined : run.status,
    reason: run.reason,
  };
}

function runFacts(event: Event, run: Run): JsonObject {
  const facts = { run_type: run.type, name: run.name, provider: run.provider };
  return { ...facts, ...failureOf(run), duration_ms: durationMsOf(event, run) };
}

function initFacts(event: Event): JsonObject {
  const data: JsonObject = isPayloadObject(event.data) ? event.data : {};
  const { provider, model_id: model, operation, error } = data;
  return { provider, model, operation, error };
}
