import { describe, test } from "vitest";
import { webhookSink } from "../../../packages/sluice/src/sinks/webhook/sink.ts";
import { sinkContract } from "../../../packages/sluice/src/testing/index.ts";

const SECRET = `whsec_${Buffer.from("a signing secret of the tests").toString("base64")}`;
const skip = {
  "does not believe a web page with status 200": "a 2xx of a receiver is its yes, whatever its body",
};

for (const [name, more] of [
  ["one event a request", {}],
  ["batched", { batch: 100 }],
] as const) {
  describe(name, () => {
    sinkContract(
      webhookSink,
      {
        options: (endpoint) => ({ endpoint, secrets: [SECRET], allow: ["127.0.0.1"], ...more }),
        brokenOptions: () => ({ allow: [] }),
        secret: SECRET,
        shortTimeout: { timeout_ms: 150 },
        skip,
      },
      { describe, test },
    );
  });
}
