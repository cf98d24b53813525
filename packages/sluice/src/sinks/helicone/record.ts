import type { Event, Json, JsonObject, Run } from "@sluice/sdk";
import { completionTokensOf, numberOf } from "@sluice/sdk/internal";
import { withoutSeals } from "../withheld.ts";
import { type Meta, metaOf } from "./meta.ts";
import { CUSTOM, type HeliconeProvider, providerOf } from "./provider.ts";
import { modelRequestOf } from "./request-body.ts";
import { modelResponseOf } from "./response-body.ts";
import { outcomeOf } from "./run-outcome.ts";
import { timingOf } from "./timing.ts";

/** The body of one request to Helicone's log route. */
export interface HeliconeRecord {
  readonly providerRequest: { readonly url: string; readonly json: JsonObject; readonly meta: Meta };
  readonly providerResponse: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly json: JsonObject;
  };
  readonly timing: ReturnType<typeof timingOf>;
  readonly provider: string;
}

/** What becomes of one event: a record and its route, or the reason why there is none. */
export type Mapped =
  | { readonly route: HeliconeProvider["route"]; readonly record: HeliconeRecord }
  | { readonly skipped: string };

/** The path of a record that is no call of a model: Helicone's own helpers send it so. */
const NO_URL = "custom-model-nopath";

/**
 * One finished run as Helicone logs it. It knows nothing that goes on, so starts have no form there; what is
 * no call of a model is one of its three kinds of records.
 */
export function mapped(event: Event, withSpans: boolean): Mapped {
  const { run, runId } = event;
  if (event.kind !== "run.ended" || !run || runId === undefined) return { skipped: "unmapped" };
  if (run.startTime === undefined || run.status === undefined) return { skipped: "partial" };
  switch (run.type) {
    case "llm":
    case "embedding":
      return modelCall(event, run, runId);
    case "tool":
      return record(event, run, runId, toolBodies(run));
    case "retriever":
      return record(event, run, runId, retrieverBodies(run));
    default:
      return withSpans ? record(event, run, runId, dataBodies(event, run)) : { skipped: "unmapped" };
  }
}

function modelCall(event: Event, run: Run, runId: string): Mapped {
  const provider = providerOf(run.provider);
  const { url, json, operation } = modelRequestOf(run, provider.format, provider.route === "oai");
  const said = run.response !== undefined || run.usage !== undefined;
  const answer = said ? modelResponseOf(run, provider.format, operation) : {};
  return finished(event, run, runId, provider, { url, json, answer });
}

interface Bodies {
  readonly request: JsonObject;
  readonly response: JsonObject;
}

function record(event: Event, run: Run, runId: string, bodies: Bodies): Mapped {
  const { request: json, response: answer } = bodies;
  return finished(event, run, runId, CUSTOM, { url: NO_URL, json, answer });
}

function toolBodies(run: Run): Bodies {
  const toolName = run.name ?? "tool";
  return {
    request: { _type: "tool", toolName, ...said("input", run.request?.input) },
    response: { _type: "tool", toolName, ...said("output", run.response?.output) },
  };
}

function retrieverBodies(run: Run): Bodies {
  const { input, params } = run.request ?? {};
  const text = typeof input === "string" ? input : undefined;
  const operation = run.name ?? "search";
  return {
    request: {
      ...params,
      _type: "vector_db",
      operation,
      ...(text === undefined ? said("query", input) : { text }),
    },
    response: { _type: "vector_db", ...said("output", run.response?.output) },
  };
}

function dataBodies(event: Event, run: Run): Bodies {
  const name = run.name ?? run.type;
  const meta = { ...event.metadata, ...said("input", run.request?.input) };
  return {
    request: { _type: "data", name, meta },
    response: { _type: "data", name, ...said("output", run.response?.output) },
  };
}

function said(name: string, value: Json | undefined): JsonObject {
  return value === undefined ? {} : { [name]: withoutSeals(value) };
}

function finished(
  event: Event,
  run: Run,
  runId: string,
  provider: HeliconeProvider,
  bodies: { readonly url: string; readonly json: JsonObject; readonly answer: JsonObject },
): Mapped {
  const { status, error } = outcomeOf(run);
  return {
    route: provider.route,
    record: {
      providerRequest: {
        url: bodies.url,
        json: bodies.json,
        meta: metaOf(event, run, runId, factsOf(run, provider)),
      },
      providerResponse: {
        status,
        headers: {},
        json: error === undefined ? bodies.answer : { ...bodies.answer, error },
      },
      timing: timingOf(event.time, run),
      provider: provider.name,
    },
  };
}

/** Providers that have a route of their own. */
const ROUTE_NAMES: ReadonlySet<string> = new Set(["OPENAI", "ANTHROPIC", "GOOGLE"]);

/** What Helicone has no column for. Its own price stands beside ours: it computes one by its own table. */
function factsOf(run: Run, provider: HeliconeProvider): JsonObject {
  const { status, usage, cost } = run;
  const isGuess =
    usage !== undefined && usage.source !== "provider" && completionTokensOf(usage) !== undefined;
  return {
    // The worker keeps the name of the route: every provider of `custom` would be the same one.
    ...(!ROUTE_NAMES.has(provider.name) && run.provider !== undefined && { Provider: run.provider }),
    ...(status !== "ok" && status !== "error" && { Status: status }),
    ...(status !== "ok" && run.reason !== undefined && { Reason: run.reason }),
    ...((status === "incomplete" || run.truncated !== undefined) && { Truncated: "true" }),
    ...(run.request?.stream && { Stream: "true" }),
    ...(isGuess && { "Usage-Source": usage.source }),
    ...(cost && { "Cost-Usd": numberOf(cost.totalUsd) }),
    ...(cost?.isEstimate && { "Cost-Estimate": "true" }),
  };
}
