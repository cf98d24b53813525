import { describe, test } from "vitest";
import { heliconeSink } from "../../../packages/sluice/src/sinks/helicone/sink.ts";
import {
  createHelicone,
  HELICONE_TEST_KEY,
  sinkContract,
} from "../../../packages/sluice/src/testing/index.ts";

for (const [name, path] of [
  ["Helicone's worker", ""],
  ["a server of one's own", "/v1/trace/custom/v1/log"],
] as const) {
  describe(name, () => {
    sinkContract(
      heliconeSink,
      {
        options: (url) => ({ endpoint: `${url}${path}`, api_key: HELICONE_TEST_KEY }),
        secret: HELICONE_TEST_KEY,
        answer: () => {
          const helicone = createHelicone();
          return (request) => helicone.answer(request);
        },
        shortTimeout: { timeout_ms: 150 },
      },
      { describe, test },
    );
  });
}
