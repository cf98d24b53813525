import { describe, test } from "vitest";
import { lunarySink } from "../../../packages/sluice/src/sinks/lunary/sink.ts";
import { createLunary, LUNARY_TEST_KEY, sinkContract } from "../../../packages/sluice/src/testing/index.ts";

sinkContract(
  lunarySink,
  {
    options: (url) => ({ endpoint: url, api_key: LUNARY_TEST_KEY }),
    secret: LUNARY_TEST_KEY,
    answer: () => createLunary().answer,
    shortTimeout: { timeout_ms: 150 },
  },
  { describe, test },
);
