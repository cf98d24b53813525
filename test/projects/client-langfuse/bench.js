import { Langfuse } from "langfuse";

/** One run as its users send it when all of it is known: a trace and its generation. */
export async function open(url) {
  const langfuse = new Langfuse({ publicKey: "pk-lf-1", secretKey: "sk-lf-1", baseUrl: url });
  return {
    emit({ runId, traceId, scope, session, tags, metadata, time, run }) {
      const { input, params, model } = run.request;
      const { output } = run.response;
      const trace = { userId: scope.id, sessionId: session.id, tags, timestamp: new Date(run.startTime) };
      langfuse.trace({ id: traceId, name: run.name, ...trace }).generation({
        id: runId,
        name: run.name,
        startTime: new Date(run.startTime),
        completionStartTime: new Date(run.firstTokenTime),
        endTime: new Date(time),
        model,
        modelParameters: params,
        input,
        output,
        metadata,
        usageDetails: { input: run.usage.input, output: run.usage.output, input_cached: run.usage.cacheRead },
      });
    },
    flush: () => langfuse.flushAsync(),
  };
}
