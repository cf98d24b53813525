import type { OtlpAttributes, OtlpSpan } from "../otlp/span.ts";
import { environmentRule } from "./environment-rule.ts";
import { costOfSpan, usageOfSpan } from "./span-usage.ts";
import type { Fields, LangfuseObservation } from "./store.ts";

/** A span as Langfuse reads it: its observation, and what it says of its trace. */
export interface ReadSpan {
  readonly observation: LangfuseObservation;
  readonly trace: Fields;
}

/** The priorities of Langfuse v4.16's OtelIngestionProcessor, ObservationTypeMapper and attributes. */
export function readSpan(span: OtlpSpan): ReadSpan {
  const { attributes, resource } = span;
  const get = (...names: readonly string[]) => firstOf(attributes, names);
  const isAggregate = /^(invoke_agent|agent_step)$/.test(String(attributes["gen_ai.operation.name"]));
  const type = typeOf(attributes);
  const shared = {
    userId: get("langfuse.user.id", "user.id"),
    sessionId: get("langfuse.session.id", "session.id", "gen_ai.conversation.id"),
    tags: get("langfuse.trace.tags"),
    environment: environmentRule(environmentIn(attributes) ?? environmentIn(resource)),
    release: get("langfuse.release") ?? resource["langfuse.release"],
    version: get("langfuse.version") ?? resource["langfuse.version"],
  };
  const traceMetadata = prefixed(attributes, "langfuse.trace.metadata");
  const observation = {
    id: span.spanId,
    traceId: span.traceId,
    type,
    name: get("gen_ai.tool.name") ?? span.name,
    startTime: isoOf(span.startTimeUnixNano),
    endTime: isoOf(span.endTimeUnixNano),
    completionStartTime: timeIn(get("langfuse.observation.completion_start_time")),
    parentObservationId: span.parentSpanId,
    level: levelOf(get("langfuse.observation.level")) ?? (span.status.code === 2 ? "ERROR" : "DEFAULT"),
    statusMessage: get("langfuse.observation.status_message") ?? (span.status.message || undefined),
    // Of an aggregate over calls that have spans of their own, neither is read: they would count twice.
    ...(!isAggregate && {
      model: get(
        "langfuse.observation.model.name",
        "gen_ai.response.model",
        "ai.model.id",
        "gen_ai.request.model",
      ),
      usageDetails: usageOfSpan(attributes),
      costDetails: costOfSpan(attributes),
    }),
    modelParameters: parametersOf(attributes),
    input: parsed(get("langfuse.observation.input", "gen_ai.input.messages", "input.value")),
    output: parsed(get("langfuse.observation.output", "gen_ai.output.messages", "output.value")),
    promptName: get("langfuse.observation.prompt.name"),
    promptVersion: get("langfuse.observation.prompt.version"),
    traceName: get("langfuse.trace.name"),
    metadata: { ...traceMetadata, ...prefixed(attributes, "langfuse.observation.metadata") },
    ...shared,
  };
  const trace = {
    ...shared,
    name: get("langfuse.trace.name") ?? (span.parentSpanId === undefined ? span.name : undefined),
    metadata: traceMetadata,
    public: get("langfuse.trace.public"),
    ...(span.parentSpanId === undefined && { input: observation.input, output: observation.output }),
  };
  return { observation: withoutUndefined(observation) as unknown as LangfuseObservation, trace };
}

const MODEL_ATTRIBUTES = [
  "langfuse.observation.model.name",
  "gen_ai.request.model",
  "gen_ai.response.model",
  "llm.model_name",
  "model",
];

function typeOf(attributes: OtlpAttributes): string {
  const said = attributes["langfuse.observation.type"] ?? attributes["openinference.span.kind"];
  const known =
    /^(span|generation|event|embedding|agent|tool|chain|retriever|guardrail|evaluator|llm)$/i.exec(
      String(said ?? ""),
    )?.[1];
  if (known !== undefined) return known.toUpperCase() === "LLM" ? "GENERATION" : known.toUpperCase();
  switch (attributes["gen_ai.operation.name"]) {
    case "chat":
    case "text_completion":
    case "generate_content":
      return "GENERATION";
    case "embeddings":
      return "EMBEDDING";
    case "invoke_agent":
    case "create_agent":
      return "AGENT";
    case "execute_tool":
      return "TOOL";
    default:
  }
  if (attributes["gen_ai.tool.name"] ?? attributes["gen_ai.tool.call.id"]) return "TOOL";
  return MODEL_ATTRIBUTES.some((name) => attributes[name] !== undefined) ? "GENERATION" : "SPAN";
}

const LEVELS: Readonly<Record<string, string>> = { INFO: "DEFAULT", WARN: "WARNING", FATAL: "ERROR" };

function levelOf(value: unknown): string | undefined {
  const level = String(value ?? "").toUpperCase();
  if (LEVELS[level] !== undefined) return LEVELS[level];
  return /^(DEBUG|DEFAULT|WARNING|ERROR)$/.test(level) ? level : undefined;
}

function environmentIn(attributes: OtlpAttributes): unknown {
  return firstOf(attributes, [
    "langfuse.environment",
    "deployment.environment.name",
    "deployment.environment",
  ]);
}

function parametersOf(attributes: OtlpAttributes): unknown {
  const given = parsed(
    attributes["langfuse.observation.model.parameters"] ?? attributes["llm.invocation_parameters"],
  );
  if (typeof given === "object" && given !== null) return given;
  const { model: _, ...rest } = prefixed(attributes, "gen_ai.request");
  return Object.keys(rest).length > 0 ? rest : undefined;
}

/** `prefix` itself, as JSON, and each `prefix.key`. */
function prefixed(attributes: OtlpAttributes, prefix: string): Record<string, unknown> {
  const whole = parsed(attributes[prefix]);
  const members = Object.entries(attributes)
    .filter(([name]) => name.startsWith(`${prefix}.`))
    .map(([name, value]) => [name.slice(prefix.length + 1), parsed(value)]);
  return { ...(typeof whole === "object" && whole), ...Object.fromEntries(members) };
}

function firstOf(attributes: OtlpAttributes, names: readonly string[]): unknown {
  const name = names.find((each) => attributes[each] !== undefined && attributes[each] !== "");
  return name === undefined ? undefined : attributes[name];
}

/** Texts that are JSON objects or lists are shown as such. */
function parsed(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // It only looked like JSON.
  }
}

/** It may come as JSON text, in quotation marks. */
function timeIn(value: unknown): string | undefined {
  const time = Date.parse(String(value ?? "").replaceAll('"', ""));
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** As its columns keep it: to the millisecond. */
function isoOf(nanos: bigint): string {
  return new Date(Number(nanos / 1_000_000n)).toISOString();
}

function withoutUndefined(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}
