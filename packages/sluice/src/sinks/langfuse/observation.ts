import { CUSTOM_KIND_CODE, type Event, type Json, type JsonObject, kindCode, type Run } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";
import { isoTime } from "../iso-time.ts";
import { withoutSeals } from "../withheld.ts";
import { defined } from "./defined.ts";
import { type ModelParameters, modelParametersOf } from "./model-parameters.ts";
import { type Counts, costDetailsOf, usageDetailsOf } from "./usage.ts";

export type ObservationType =
  | ("span" | "generation" | "event")
  | ("agent" | "tool" | "chain" | "retriever" | "embedding");

/** What one event says of one observation, in Langfuse's words and before either wire form. */
export interface Observation {
  /** The run's id; of what is no run, the event's. Both modes make their own id of it. */
  readonly key: string;
  /** The run above. */
  readonly parentKey?: string;
  readonly type: ObservationType;
  readonly name: string;
  readonly startTime: string;
  /** Absent while the run goes on. */
  readonly endTime?: string;
  readonly completionStartTime?: string;
  readonly input?: Json;
  readonly output?: Json;
  readonly model?: string;
  readonly modelParameters?: ModelParameters;
  readonly usageDetails?: Counts;
  readonly costDetails?: Counts;
  readonly level?: "DEFAULT" | "WARNING" | "ERROR";
  readonly statusMessage?: string;
  /** What Langfuse has no place of its own for. */
  readonly metadata: JsonObject;
}

/** The observation that an event tells of; undefined for one that tells of none. */
export function observationOf(event: Event): Observation | undefined {
  switch (event.kind) {
    case "run.started":
    case "run.ended":
      return unsealed(runOf(event));
    case "tool.called":
      return calledTool(event);
    case "cache.hit":
      return pointOf(event, { type: "span", name: "cache.hit", metadata: { cache: "hit" } });
    case "init.failed":
      return pointOf(event, { type: "event", name: "llm.init", ...failureOf(event.data) });
    default:
      return isCustom(event.kind) ? pointOf(event, { type: "event", name: event.kind }) : undefined;
  }
}

/** Without what providers have signed or sealed for themselves. */
function unsealed(observation: Observation | undefined): Observation | undefined {
  if (!observation) return undefined;
  const { input, output } = observation;
  return {
    ...observation,
    ...(input !== undefined && { input: withoutSeals(input) }),
    ...(output !== undefined && { output: withoutSeals(output) }),
  };
}

function runOf(event: Event): Observation | undefined {
  const { run, runId, parentRunId } = event;
  if (!run || runId === undefined) return undefined;
  const startTime = isoTime(run.startTime ?? event.time, event.time);
  return defined({
    key: runId,
    parentKey: parentRunId,
    type: typeOf(run),
    name: nameOf(run),
    startTime,
    ...(event.kind === "run.ended" && endOf(event, run, startTime)),
    input: run.request?.input,
    ...(isModelCall(run) && {
      model: run.response?.model ?? run.request?.model,
      modelParameters: modelParametersOf({
        ...run.request?.params,
        ...(run.request?.stream && { stream: true }),
      }),
    }),
    metadata: { ...metadataOf(run), ...event.metadata },
  });
}

/** The application's own, or what there is. */
export function nameOf(run: Run): string {
  return run.name ?? run.request?.model ?? run.operation ?? run.type;
}

function endOf(event: Event, run: Run, startTime: string): Partial<Observation> {
  const endTime = isoTime(event.time, startTime);
  return {
    // Two machines, two clocks: nothing ends before it began.
    endTime: endTime < startTime ? startTime : endTime,
    ...(run.firstTokenTime !== undefined && {
      completionStartTime: isoTime(run.firstTokenTime, startTime),
    }),
    ...(run.response?.output !== undefined && { output: run.response.output }),
    ...(!isAggregate(run) &&
      defined({ usageDetails: usageDetailsOf(run.usage), costDetails: costDetailsOf(run.cost) })),
    ...(run.status === "ok" ? allClear(run) : troubleOf(run)),
  };
}

/** Of an end that came late: the one before it had said that nobody saw an end, and that would stay. */
function allClear(run: Run): Pick<Observation, "level" | "statusMessage"> {
  return (numberOf(run.revision) ?? 1) > 1 ? { level: "DEFAULT", statusMessage: "" } : {};
}

/** A failure is an error; what was cancelled, or whose end nobody saw, is a warning. */
function troubleOf(run: Run): Pick<Observation, "level" | "statusMessage"> {
  const words = run.error?.message ?? run.reason;
  if (run.status === "error") return { level: "ERROR", statusMessage: words ?? "The run failed." };
  return {
    level: "WARNING",
    statusMessage: words === undefined ? `${run.status}` : `${run.status}: ${words}`,
  };
}

function metadataOf(run: Run): JsonObject {
  return defined({
    provider: run.provider,
    finish_reasons: run.response?.finishReasons,
    error_type: run.error?.type,
    http_status: run.http?.status,
    // Whoever looks at a price should see that it is a guess.
    cost_is_estimate: run.cost?.isEstimate,
  });
}

/** The model asked for a tool: a child of its generation. Who runs the tool tells of that in another run. */
function calledTool(event: Event): Observation | undefined {
  const { tool } = event;
  if (!tool) return undefined;
  const point = pointOf(event, { type: "tool", name: tool.name });
  return defined({ ...point, input: tool.arguments, metadata: { ...toolIdOf(tool.id), ...point.metadata } });
}

function toolIdOf(id: string | undefined): JsonObject {
  return id === undefined ? {} : { tool_call_id: id };
}

type Point = Pick<Observation, "type" | "name"> & Partial<Observation>;

/** Something that happened at one moment, below the run it happened in. */
function pointOf(event: Event, point: Point): Observation {
  const time = isoTime(event.time, event.time);
  return defined({
    key: event.id,
    parentKey: event.runId ?? event.parentRunId,
    startTime: time,
    endTime: point.type === "event" ? undefined : time,
    input: event.data,
    ...point,
    metadata: { ...point.metadata, ...event.metadata },
  });
}

function failureOf(data: Json | undefined): Pick<Observation, "level" | "statusMessage"> {
  const error: unknown = Object(data).error;
  return { level: "ERROR", statusMessage: typeof error === "string" ? error : "The model was not set up." };
}

/** A kind of the application's own. The steps of a stream, and what else a bus says, are for live viewing. */
function isCustom(kind: string): boolean {
  return kindCode(kind) === CUSTOM_KIND_CODE && !/^(stream|bus|run)\./.test(kind);
}

function isModelCall(run: Run): boolean {
  return run.type === "llm" || run.type === "embedding";
}

/** What it used is what its calls have used, and Langfuse adds up the observations of a trace. */
function isAggregate(run: Run): boolean {
  return run.type === "agent" || run.type === "chain";
}

const RUN_TYPES: Readonly<Record<string, ObservationType>> = {
  llm: "generation",
  agent: "agent",
  chain: "chain",
  tool: "tool",
  retriever: "retriever",
  embedding: "embedding",
};

/** A type of the sender's own is a span, which can hold anything. */
function typeOf({ type }: Run): ObservationType {
  return (Object.hasOwn(RUN_TYPES, type) ? RUN_TYPES[type] : undefined) ?? "span";
}
