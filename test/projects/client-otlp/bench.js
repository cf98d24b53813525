import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

/** One run as a span by the GenAI conventions, through OpenTelemetry's own batch processor, as it comes. */
export async function open(url) {
  const processor = new BatchSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }));
  const provider = new NodeTracerProvider({ spanProcessors: [processor] });
  const tracer = provider.getTracer("bench");
  return {
    emit({ scope, session, tags, metadata, time, run }) {
      const { request, response, usage } = run;
      const attributes = {
        "gen_ai.operation.name": run.operation,
        "gen_ai.provider.name": run.provider,
        "gen_ai.request.model": request.model,
        "gen_ai.response.model": response.model,
        "gen_ai.request.temperature": request.params.temperature,
        "gen_ai.request.max_tokens": request.params.max_tokens,
        "gen_ai.response.finish_reasons": response.finishReasons,
        "gen_ai.usage.input_tokens": usage.input + usage.cacheRead,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.cache_read.input_tokens": usage.cacheRead,
        "gen_ai.input.messages": JSON.stringify(request.input),
        "gen_ai.output.messages": JSON.stringify([response.output]),
        "user.id": scope.id,
        "session.id": session.id,
        tags,
        metadata: JSON.stringify(metadata),
      };
      const startTime = new Date(run.startTime);
      tracer.startSpan(`chat ${request.model}`, { kind: 2, startTime, attributes }).end(new Date(time));
    },
    flush: () => processor.forceFlush(),
  };
}
