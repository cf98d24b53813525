import { readFileSync } from "node:fs";
import { Langfuse } from "langfuse";

// Tells CONVERSATION to Langfuse as its SDK of version 3 does: a create when a run begins, an update when it
// ends, and of the provider's usage object what its wrapper of the openai package makes of it.
const events = JSON.parse(readFileSync(process.env.CONVERSATION, "utf8"));
const ends = events.filter(({ kind }) => kind === "run.ended");
const [root] = ends.filter(({ parentRunId }) => parentRunId === undefined);

const langfuse = new Langfuse({
  publicKey: process.env.PUBLIC_KEY,
  secretKey: process.env.SECRET_KEY,
  baseUrl: process.env.URL,
});
const trace = langfuse.trace({
  id: root.traceId,
  timestamp: new Date(root.run.startTime),
  name: root.run.name,
  userId: root.scope.id,
  sessionId: root.session.id,
  tags: root.tags,
  metadata: root.metadata,
  input: root.run.request.input,
  output: root.run.response.output,
});
const observations = new Map();
for (const { runId, parentRunId, time, metadata, run } of ends) {
  const above = observations.get(parentRunId) ?? trace;
  const { input, params, stream, model } = run.request;
  const start = { id: runId, name: run.name, startTime: new Date(run.startTime), input, metadata };
  const isCall = run.type === "llm" || run.type === "embedding";
  const observation = isCall
    ? above.generation({
        ...start,
        model,
        modelParameters: parametersOf({ ...params, ...(stream && { stream }) }),
      })
    : above.span(start);
  observations.set(runId, observation);
  observation.update({
    endTime: new Date(time),
    output: run.response?.output,
    ...(isCall && { model: run.response?.model ?? model }),
    ...(run.firstTokenTime && { completionStartTime: new Date(run.firstTokenTime) }),
    ...(run.usage && { usageDetails: usageOf(run.usage.raw) }),
    ...(run.error && { level: "ERROR", statusMessage: run.error.message }),
  });
}
for (const { id, kind, runId, data } of events) {
  if (kind === "run.scored") langfuse.score({ id, traceId: root.traceId, observationId: runId, ...data });
}
await langfuse.shutdownAsync();

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
