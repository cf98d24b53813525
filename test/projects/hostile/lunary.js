import lunary from "lunary";
import { emitAll, job } from "./job.js";

lunary.init({ publicKey: job.key, apiUrl: job.url });
await emitAll((runId, text) => {
  lunary.trackEvent("llm", "start", { runId, name: "gpt-4o", input: text });
  lunary.trackEvent("llm", "end", { runId, output: text, tokensUsage: { prompt: 100, completion: 100 } });
});
await lunary.flush();
