import { readFileSync } from "node:fs";
import { LangfuseClient } from "@langfuse/client";
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { propagateAttributes, startObservation } from "@langfuse/tracing";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

// Tells CONVERSATION to Langfuse as its SDK of version 5 does: a span a run, below the span of the run above,
// with what concerns the whole trace propagated to every span, and scores through its client.
const events = JSON.parse(readFileSync(process.env.CONVERSATION, "utf8"));
const ends = events.filter(({ kind }) => kind === "run.ended");
const [root] = ends.filter(({ parentRunId }) => parentRunId === undefined);
const keys = {
  publicKey: process.env.PUBLIC_KEY,
  secretKey: process.env.SECRET_KEY,
  baseUrl: process.env.URL,
};
const provider = new NodeTracerProvider({ spanProcessors: [new LangfuseSpanProcessor(keys)] });
provider.register();

const ofTrace = {
  traceName: root.run.name,
  userId: root.scope.id,
  sessionId: root.session.id,
  tags: root.tags,
};
const observations = new Map();
await propagateAttributes(ofTrace, async () => ends.forEach(start));
for (const { runId, time, run } of ends.toReversed()) {
  const observation = observations.get(runId);
  const output = run.response?.output;
  observation.update({
    ...(output !== undefined && { output }),
    ...(run.response?.model && { model: run.response.model }),
    ...(run.firstTokenTime && { completionStartTime: new Date(run.firstTokenTime) }),
    ...(run.usage && { usageDetails: usageOf(run.usage.raw) }),
    ...(run.error && { level: "ERROR", statusMessage: run.error.message }),
  });
  observation.end(new Date(time));
}
await provider.forceFlush();
const client = new LangfuseClient(keys);
for (const { id, kind, runId, data } of events) {
  if (kind === "run.scored") client.score.observation(observations.get(runId), { id, ...data });
}
await client.score.shutdown();
await provider.shutdown();

function start({ runId, parentRunId, metadata, run }) {
  const { input, params, stream, model } = run.request;
  const attributes = { input, metadata };
  if (run.type === "llm" || run.type === "embedding") {
    attributes.model = model;
    attributes.modelParameters = parametersOf({ ...params, ...(stream && { stream }) });
  }
  const options = { asType: typeOf(run), startTime: new Date(run.startTime) };
  const above = observations.get(parentRunId)?.otelSpan.spanContext();
  if (above) options.parentSpanContext = above;
  observations.set(runId, startObservation(run.name, attributes, options));
}

function typeOf(run) {
  return run.type === "llm" ? "generation" : run.type;
}

/** Scalars as they are, as its type wants them. */
function parametersOf(params) {
  const entries = Object.entries(params).filter(([, value]) => typeof value !== "object");
  return Object.fromEntries(entries);
}

/** As its wrapper of the openai package has it. */
function usageOf(usage) {
  const details = (prefix, object) =>
    Object.fromEntries(Object.entries(object ?? {}).map(([key, value]) => [`${prefix}_${key}`, value]));
  return {
    input: usage.prompt_tokens,
    output: usage.completion_tokens,
    total: usage.total_tokens,
    ...details("input", usage.prompt_tokens_details),
    ...details("output", usage.completion_tokens_details),
  };
}
