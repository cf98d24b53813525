import { LangfuseSpanProcessor } from "@langfuse/otel";
import { startObservation } from "@langfuse/tracing";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { emitAll, job } from "./job.js";

const processor = new LangfuseSpanProcessor({ publicKey: "pk-lf-1", secretKey: job.key, baseUrl: job.url });
const provider = new NodeTracerProvider({ spanProcessors: [processor] });
provider.register();
await emitAll((id, text) => {
  startObservation("chat", { input: text, output: text, metadata: { id } }, { asType: "generation" }).end();
});
await provider.shutdown().catch(console.error);
