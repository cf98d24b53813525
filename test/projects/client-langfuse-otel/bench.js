import { LangfuseSpanProcessor } from "@langfuse/otel";
import { propagateAttributes, startObservation } from "@langfuse/tracing";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

/** One run as its users send it when all of it is known. */
export async function open(url) {
  const processor = new LangfuseSpanProcessor({ publicKey: "pk-lf-1", secretKey: "sk-lf-1", baseUrl: url });
  const provider = new NodeTracerProvider({ spanProcessors: [processor] });
  provider.register();
  return {
    emit({ scope, session, tags, metadata, time, run }) {
      const { input, params, model } = run.request;
      const { output } = run.response;
      const { usage } = run;
      const attributes = {
        model,
        modelParameters: params,
        input,
        output,
        metadata,
        completionStartTime: new Date(run.firstTokenTime),
        usageDetails: { input: usage.input, output: usage.output, input_cached: usage.cacheRead },
      };
      const options = { asType: "generation", startTime: new Date(run.startTime) };
      propagateAttributes({ userId: scope.id, sessionId: session.id, tags, traceName: run.name }, () =>
        startObservation(run.name, attributes, options).end(new Date(time)),
      );
    },
    flush: () => processor.forceFlush(),
  };
}
