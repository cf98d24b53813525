import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { emitAll, job } from "../hostile/job.js";

const exporter = new OTLPTraceExporter({ url: `${job.url}/v1/traces` });
const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] });
const tracer = provider.getTracer("hostile");
await emitAll((id, text) => {
  const attributes = { "gen_ai.input.messages": text, "gen_ai.output.messages": text, "event.id": id };
  tracer.startSpan("chat", { attributes }).end();
});
await provider.shutdown().catch(console.error);
