import { readFileSync } from "node:fs";
import lunary from "lunary";

// Tells CONVERSATION to Lunary as its SDK's own wrappers do: the usage object of the provider as they read it,
// and times in milliseconds.
const events = JSON.parse(readFileSync(process.env.CONVERSATION, "utf8"));
const ends = events.filter(({ kind }) => kind === "run.ended");
const moments = ends.flatMap((event) => [
  { at: Date.parse(event.run.startTime), tell: start, event },
  { at: Date.parse(event.time), tell: end, event },
]);

lunary.init({ publicKey: process.env.API_KEY, apiUrl: process.env.URL });
for (const { at, tell, event } of moments.sort((a, b) => a.at - b.at)) tell(event, at);
for (const { kind, runId, data } of events) {
  // Feedback is named by its key, as in `{ thumbs: "up" }`.
  if (kind === "run.scored") {
    lunary.trackFeedback(runId, { [data.name]: data.value, comment: data.comment });
  }
}
await lunary.processQueue();

function start({ runId, parentRunId, scope, tags, metadata, run }, timestamp) {
  const { input, params, stream } = run.request;
  lunary.trackEvent(typeOf(run), "start", {
    ...{ runId, parentRunId, timestamp, name: run.name, input, tags, metadata },
    ...(params && { params: { ...params, ...(stream && { stream }) } }),
    userId: scope.id,
    userProps: scope.props,
  });
}

function end({ runId, run }, timestamp) {
  if (run.status === "error") {
    const error = { message: run.error.message };
    return lunary.trackEvent(typeOf(run), "error", { runId, timestamp, error });
  }
  const usage = run.usage?.raw;
  lunary.trackEvent(typeOf(run), "end", {
    ...{ runId, timestamp, output: run.response.output },
    ...(usage && { tokensUsage: tokensOf(usage) }),
  });
}

function typeOf(run) {
  return run.type === "embedding" ? "embed" : run.type;
}

/** As its wrapper of the openai package has it. */
function tokensOf(usage) {
  return {
    completion: usage.completion_tokens,
    prompt: usage.prompt_tokens,
    promptCached: usage.prompt_tokens_details?.cached_tokens,
  };
}
