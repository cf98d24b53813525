import { Langfuse } from "langfuse";
import { emitAll, job } from "./job.js";

const langfuse = new Langfuse({ publicKey: "pk-lf-1", secretKey: job.key, baseUrl: job.url });
await emitAll((id, text) => langfuse.trace({ id, name: "chat", input: text, output: text }));
await langfuse.shutdownAsync();
