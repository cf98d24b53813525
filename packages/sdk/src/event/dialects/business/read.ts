import { numberOf } from "../../codec.ts";
import type { Event, Json, JsonObject, Run, Scope, Usage } from "../../event.ts";
import { USAGE_MAX } from "../../limits.ts";
import { isPayloadObject, nameIn, textIn } from "../foreign.ts";
import { toUtcTime } from "../foreign-time.ts";
import { wholeRun } from "../whole-run.ts";
import { BUSINESS, CUSTOM_PREFIX, eventTypes } from "./names.ts";

/**
 * The canonical event of a payload whose form was checked. Its origin says the dialect and no more. Metadata
 * is the sender's own: what of it has a place in a run is used if it fits there, and left alone if not.
 */
export function readBusiness(payload: JsonObject, time: string): Event {
  const id = String(payload.id);
  const type = String(payload.event_type);
  const envelope = envelopeOf(payload, time);
  switch (type) {
    case eventTypes.LLM_RESPONSE:
      return wholeRun(id, envelope, answerOf(envelope.metadata ?? {}, time));
    case eventTypes.LLM_ERROR:
      return wholeRun(id, envelope, failureOf(envelope.metadata ?? {}, time));
    case eventTypes.CACHE_HIT:
      return { id, kind: "cache.hit", ...envelope };
    case eventTypes.CACHE_MISS:
      return { id, kind: "cache.miss", ...envelope };
    default:
      return { id, kind: CUSTOM_PREFIX + type, ...envelope };
  }
}

type Envelope = Pick<Event, "time" | "scope" | "session" | "metadata" | "origin">;

function envelopeOf(payload: JsonObject, time: string): Envelope {
  const { scope } = payload;
  const metadata = isPayloadObject(payload.metadata) ? payload.metadata : undefined;
  const session = nameIn(metadata?.session_id);
  return {
    time,
    // Its form was checked; the very same object, so that it need not be kept twice.
    ...(isPayloadObject(scope) && { scope: scope as Scope }),
    ...(session !== undefined && { session: { id: session } }),
    ...(metadata !== undefined && { metadata }),
    origin: { dialect: BUSINESS },
  };
}

function answerOf(metadata: JsonObject, time: string): Run {
  const model = nameIn(metadata.model);
  return {
    ...callOf(metadata, time),
    status: "ok",
    // It is the model that answered; nobody says which one was asked for.
    ...(model !== undefined && { response: { model } }),
  };
}

function failureOf(metadata: JsonObject, time: string): Run {
  const { status, error } = metadata;
  const model = nameIn(metadata.model);
  const reason = textIn(metadata.reason);
  return {
    ...callOf(metadata, time),
    status: status === "cancelled" || status === "incomplete" ? status : "error",
    ...(reason !== undefined && { reason }),
    ...(model !== undefined && { request: { model } }),
    ...(typeof error === "string" && { error: { message: error } }),
  };
}

function callOf(metadata: JsonObject, time: string): Run {
  const provider = nameIn(metadata.provider);
  const model = nameIn(metadata.model);
  const usage = usageOf(metadata, provider);
  return {
    type: "llm",
    ...(model !== undefined && { name: model }),
    ...(provider !== undefined && { provider }),
    startTime: startOf(time, numberOf(metadata.duration_ms)),
    ...(usage && { usage }),
  };
}

function startOf(time: string, durationMs: number | undefined): string {
  if (durationMs === undefined || !(durationMs > 0)) return time;
  return toUtcTime(Date.parse(time) - durationMs) ?? time;
}

/** Anthropic counts what its cache holds beside the input, everybody else within it. */
function usageOf(metadata: JsonObject, provider: string | undefined): Usage | undefined {
  const input = countIn(metadata.input_tokens);
  const output = countIn(metadata.output_tokens);
  const cacheRead = countIn(metadata.cache_read_tokens);
  const cacheWrite = countIn(metadata.cache_creation_tokens);
  const within = provider === "anthropic" ? 0 : (cacheRead ?? 0) + (cacheWrite ?? 0);
  if ([input, output, cacheRead, cacheWrite].every((count) => count === undefined)) return undefined;
  return {
    ...(input !== undefined && { input: Math.max(0, input - within) }),
    ...(cacheRead !== undefined && { cacheRead }),
    // How long it will be held is not told; five minutes is what the provider does unless asked.
    ...(cacheWrite !== undefined && { cacheWrite5m: cacheWrite }),
    ...(output !== undefined && { output }),
    source: "provider",
  };
}

function countIn(value: Json | undefined): number | undefined {
  const count = numberOf(value);
  return count !== undefined && count >= 0 && count <= USAGE_MAX ? count : undefined;
}
