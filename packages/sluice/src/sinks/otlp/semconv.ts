import type { Event, Run, Usage } from "@sluice/sdk";
import { completionTokensOf, numberOf, promptTokensOf, totalOf } from "@sluice/sdk/internal";
import { spread } from "./attribute-value.ts";
import { putContent } from "./content.ts";
import { textIn } from "./event-span.ts";
import { nanosOf } from "./nanos.ts";
import { operationOf, requestModelOf } from "./operation.ts";
import type { Profile, WritableAttributes } from "./profile.ts";
import { putRequest } from "./request-attributes.ts";

const NANOS_PER_SECOND = 1e9;

/**
 * OpenTelemetry's conventions for generative AI, v1.41, and behind them, under `sluice.`, what they have no
 * name for. What was said (messages, arguments, results) is told only with `content`.
 */
export function semconv({ content }: { readonly content: boolean }): Profile {
  return (event, run) => {
    const attributes: WritableAttributes = {};
    if (run) {
      putCall(attributes, event, run);
      putResponse(attributes, run);
      if (mayCount(run)) putUsage(attributes, run);
      if (content) putContent(attributes, run);
      putStatus(attributes, run);
    } else putMoment(attributes, event);
    putOwner(attributes, event);
    return attributes;
  };
}

/** Attributes whose values are known. What is undefined is left out. */
function put(attributes: WritableAttributes, name: string, value: string | number | undefined): void {
  if (value !== undefined) attributes[name] = value;
}

function putCall(attributes: WritableAttributes, event: Event, run: Run): void {
  put(attributes, "gen_ai.operation.name", operationOf(run));
  put(attributes, "gen_ai.provider.name", run.provider);
  put(attributes, "gen_ai.request.model", requestModelOf(run));
  putRequest(attributes, run);
  switch (run.type) {
    case "tool":
      put(attributes, "gen_ai.tool.name", run.name);
      put(attributes, "gen_ai.tool.call.id", event.tool?.id);
      break;
    case "agent":
      put(attributes, "gen_ai.agent.name", run.name);
      break;
    case "chain":
      put(attributes, "gen_ai.workflow.name", run.name);
      break;
    case "retriever":
      put(attributes, "gen_ai.data_source.id", run.name);
  }
}

function putResponse(attributes: WritableAttributes, run: Run): void {
  const { response, startTime, firstTokenTime } = run;
  put(attributes, "gen_ai.response.id", response?.id);
  put(attributes, "gen_ai.response.model", response?.model);
  if (response?.finishReasons && response.finishReasons.length > 0) {
    attributes["gen_ai.response.finish_reasons"] = response.finishReasons;
  }
  if (run.type === "embedding") {
    put(attributes, "gen_ai.embeddings.dimension.count", numberOf(response?.dimensions));
  }
  if (startTime !== undefined && firstTokenTime !== undefined) {
    const seconds = Number(nanosOf(firstTokenTime) - nanosOf(startTime)) / NANOS_PER_SECOND;
    if (seconds >= 0) attributes["gen_ai.response.time_to_first_chunk"] = seconds;
  }
  put(attributes, "http.response.status_code", numberOf(run.http?.status));
}

/**
 * An agent or a chain may repeat the sum of its calls, and a backend that adds up its spans would count each
 * token twice.
 */
function mayCount(run: Run): boolean {
  return run.type !== "agent" && run.type !== "chain";
}

/** Totals, as the conventions want them: input with what was cached, output with what was thought. */
function putUsage(attributes: WritableAttributes, run: Run): void {
  const { usage, cost } = run;
  if (usage) {
    const cacheWrite = totalOf(usage.cacheWrite5m, usage.cacheWrite1h);
    put(attributes, "gen_ai.usage.input_tokens", promptTokensOf(usage));
    put(attributes, "gen_ai.usage.output_tokens", completionTokensOf(usage));
    put(attributes, "gen_ai.usage.cache_read.input_tokens", numberOf(usage.cacheRead));
    put(attributes, "gen_ai.usage.cache_creation.input_tokens", cacheWrite);
    put(attributes, "gen_ai.usage.reasoning.output_tokens", numberOf(usage.reasoning));
    putPricedApart(attributes, usage);
    if (usage.source !== "provider") put(attributes, "sluice.usage.source", usage.source);
  }
  if (cost) {
    // No convention has it; the backends that read a cost read it here.
    put(attributes, "gen_ai.usage.cost", numberOf(cost.totalUsd));
    put(attributes, "sluice.cost.prices", cost.prices);
    if (cost.isEstimate) attributes["sluice.cost.is_estimate"] = true;
  }
}

/**
 * Parts of those totals that have prices of their own and no name in the conventions; most providers say 0 of
 * what their model cannot do.
 */
function putPricedApart(attributes: WritableAttributes, usage: Usage): void {
  const parts = {
    "cache_creation_1h.input_tokens": usage.cacheWrite1h,
    "audio.input_tokens": usage.audioInput,
    "audio.output_tokens": usage.audioOutput,
  };
  for (const [name, count] of Object.entries(parts)) {
    put(attributes, `sluice.usage.${name}`, numberOf(count) || undefined);
  }
}

function putStatus(attributes: WritableAttributes, run: Run): void {
  put(attributes, "error.type", errorTypeOf(run));
  attributes["sluice.run.type"] = run.type;
  put(attributes, "sluice.run.status", run.status);
  put(attributes, "sluice.run.reason", run.reason);
}

/** One of few values, as what is counted by it must be; the words of the error are in the span's status. */
function errorTypeOf({ status, error, http }: Run): string | undefined {
  if (status === undefined || status === "ok") return undefined;
  if (status !== "error") return status;
  const code = numberOf(error?.status) ?? numberOf(http?.status);
  return error?.type ?? error?.code ?? (code === undefined ? "_OTHER" : String(code));
}

function putMoment(attributes: WritableAttributes, event: Event): void {
  if (event.kind === "cache.hit") attributes["sluice.cache"] = "hit";
  if (event.kind !== "init.failed") return;
  put(attributes, "gen_ai.provider.name", textIn(event, "provider"));
  put(attributes, "gen_ai.request.model", textIn(event, "model_id"));
  attributes["error.type"] = "_OTHER";
}

/** Whose event it is. Backends filter single spans, so all of it stands on each. */
function putOwner(attributes: WritableAttributes, event: Event): void {
  const { scope, session, tags, metadata, runId } = event;
  const sessionId = session?.id ?? session?.nativeId;
  put(attributes, "gen_ai.conversation.id", sessionId);
  put(attributes, "session.id", sessionId);
  if (scope?.kind === "user") put(attributes, "user.id", scope.id);
  put(attributes, "sluice.run.id", runId);
  if (tags && tags.length > 0) attributes["sluice.tags"] = tags;
  if (scope?.kind === "user" && scope.props) spread(attributes, "sluice.user", scope.props);
  if (metadata) spread(attributes, "sluice.meta", metadata);
}
