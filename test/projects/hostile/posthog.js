import { PostHog } from "posthog-node";
import { emitAll, job } from "./job.js";

const posthog = new PostHog(job.key, { host: job.url });
posthog.on("error", (error) => console.error(error));
await emitAll((uuid, text) => {
  posthog.capture({ uuid, distinctId: "user-1", event: "chat", properties: { input: text, output: text } });
});
await posthog.shutdown();
